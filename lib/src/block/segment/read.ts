/** Opens a segment: its events as one ColumnBlock, and each of its blocks made again. */
import { Segment } from "@hosttrail/proto/segment";
import { ReadingBudget } from "../budget.ts";
import { ColumnBlock } from "../decode.ts";
import { encodeEvents } from "../encode.ts";
import { BlockError } from "../error.ts";
import { encodeHeader, FORMAT_VERSION, type Header } from "../header.ts";
import { EventIds, type EventNames } from "../id.ts";
import { EVENTS_MAX } from "../limits.ts";
import { withPadding } from "../padding.ts";
import type { BlockPrimitives } from "../seal.ts";
import { readStrings, type StringTable } from "../strings.ts";
import { TableReader } from "../table.ts";
import { type Span, WireReader } from "../wire.ts";
import {
  CONTENT,
  HASH_BYTES,
  PREVIOUS_FIRST_HASH,
  PREVIOUS_IS_BEFORE,
  PREVIOUS_IS_NONE,
  SEALED,
  SEGMENT_CONTENT_MAX,
  SEGMENT_EVENTS_MAX,
  SEGMENT_VERSION,
  SIGNATURE_BYTES,
} from "./fields.ts";

/** A block as its host sealed it. */
export interface RebuiltBlock {
  header: Header;
  headerBytes: Uint8Array;
  headerSha256: Uint8Array;
  signature: Uint8Array;
  columns: Uint8Array;
}

/** What a segment says of one of its blocks. */
export interface SegmentBlock {
  firstSeq: bigint;
  count: number;
  /** Number of its first event in the segment. */
  firstEvent: number;
  receivedMs: number;
  signer: string;
  status: string;
  agentVersion: string;
}

function fail(place: string, detail: string): never {
  throw new BlockError("SEGMENT_MALFORMED", place, detail);
}

/** The columns of SealedBlockRows. */
class Rows {
  readonly count: number;
  readonly firstSeq: BigInt64Array;
  readonly events: Uint32Array;
  /** Number of each block's first event; one more than there are blocks. */
  readonly offsets: Uint32Array;
  readonly receivedMs: BigInt64Array;
  readonly previousHashes: Uint8Array;
  readonly #table: TableReader;
  readonly #strings: StringTable;
  readonly #columns = new Map<number, Uint32Array>();

  constructor(content: Uint8Array, span: Span | undefined, eventCount: number) {
    if (span === undefined) fail("blocks", "missing");
    const budget = new ReadingBudget(content.length, SEGMENT_EVENTS_MAX);
    const { spans, first: count = 0 } = new WireReader(content, "blocks", span.start, span.end).fields();
    if (count === 0 || count > eventCount) fail("blocks.count", `${count} for ${eventCount} events`);
    this.count = count;
    this.#table = new TableReader(content, span, "blocks", budget);
    this.firstSeq = this.#table.int64(SEALED.firstSeq);
    this.receivedMs = this.#table.int64(SEALED.receivedMs);
    this.events = this.#table.numbers(SEALED.events);
    this.offsets = new Uint32Array(count + 1);
    for (const [index, events] of this.events.entries()) {
      if (events === 0 || events > EVENTS_MAX)
        fail(`blocks.events[${index}]`, `${events}; 1 to ${EVENTS_MAX} are allowed`);
      this.offsets[index + 1] = (this.offsets[index] ?? 0) + events;
    }
    if (this.offsets[count] !== eventCount) fail("blocks.events", `${this.offsets[count]} of ${eventCount} events`);
    for (let index = 1; index < count; index++) {
      const next = this.seqOf(index - 1) + BigInt(this.events[index - 1] ?? 0);
      if (this.seqOf(index) < next) fail(`blocks.first_seq[${index}]`, `${this.seqOf(index)} after ${next}`);
    }
    const { start, end } = spans[SEALED.strings] ?? { start: 0, end: 0 };
    this.#strings = readStrings(content, new WireReader(content, "blocks.strings", start, end), budget);
    const hashes = spans[SEALED.previousHashes];
    this.previousHashes = hashes === undefined ? new Uint8Array(0) : content.subarray(hashes.start, hashes.end);
  }

  seqOf(index: number): bigint {
    return BigInt.asUintN(64, this.firstSeq[index] ?? 0n);
  }

  number(field: number, index: number): number {
    let column = this.#columns.get(field);
    if (column === undefined) {
      column = this.#table.numbers(field);
      this.#columns.set(field, column);
    }
    return column[index] ?? 0;
  }

  text(field: number, index: number): string {
    return this.#strings.text(this.number(field, index), `blocks.${field}[${index}]`);
  }

  /** The block of an event. */
  blockOf(event: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.offsets[middle] ?? 0) <= event) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Names of a segment's events: those of a block follow each other. */
class SegmentNames implements EventNames {
  readonly #hostId: string;
  readonly #epoch: bigint;
  #rows: Rows | undefined;
  #block = -1;
  #ids: EventIds | undefined;

  constructor(hostId: string, epoch: bigint) {
    this.#hostId = hostId;
    this.#epoch = epoch;
  }

  use(rows: Rows): void {
    this.#rows = rows;
  }

  #idsOf(event: number): { ids: EventIds; within: number } {
    const rows = this.#rows ?? fail("blocks", "missing");
    const block = rows.blockOf(event);
    if (block !== this.#block || this.#ids === undefined) {
      this.#block = block;
      this.#ids = new EventIds(this.#hostId, this.#epoch, rows.seqOf(block));
    }
    return { ids: this.#ids, within: event - (rows.offsets[block] ?? 0) };
  }

  at(index: number): string {
    const { ids, within } = this.#idsOf(index);
    return ids.at(within);
  }

  sequenceAt(index: number): bigint {
    const { ids, within } = this.#idsOf(index);
    return ids.sequenceAt(within);
  }
}

export class SegmentReader {
  readonly hostId: string;
  readonly epoch: bigint;
  readonly events: ColumnBlock;
  readonly #sealedEpoch: bigint;
  readonly #rows: Rows;
  readonly #signatures: Uint8Array;
  readonly #primitives: BlockPrimitives;
  /** Hashes of headers that were made again, by block. */
  readonly #hashes = new Map<number, Uint8Array>();

  /** Throws a BlockError where the bytes are no segment. */
  constructor(bytes: Uint8Array, primitives: BlockPrimitives) {
    this.#primitives = primitives;
    let segment: Segment;
    try {
      segment = Segment.decode(bytes);
    } catch (cause) {
      throw new BlockError("SEGMENT_MALFORMED", "segment", "not a serialized Segment", { cause });
    }
    const { formatVersion, hostId, epoch, sealedEpoch, contentBytes, signatures } = segment;
    if (formatVersion !== SEGMENT_VERSION) fail("format_version", `${formatVersion}; only ${SEGMENT_VERSION} is known`);
    if (hostId.length !== 16) fail("host_id", `${hostId.length} bytes, not 16`);
    if (contentBytes > SEGMENT_CONTENT_MAX) fail("content_bytes", `${contentBytes}; at most ${SEGMENT_CONTENT_MAX}`);
    this.hostId = Array.from(hostId, (byte) => byte.toString(16).padStart(2, "0")).join("");
    this.epoch = epoch;
    this.#sealedEpoch = sealedEpoch || epoch;
    const content = contentOf(segment, primitives);
    const { spans } = new WireReader(content, "content").fields();
    const events = spans[CONTENT.events] ?? fail("events", "missing");
    const names = new SegmentNames(this.hostId, epoch);
    this.events = new ColumnBlock(content.subarray(events.start, events.end), names, SEGMENT_EVENTS_MAX);
    this.#rows = new Rows(content, spans[CONTENT.blocks], this.events.count);
    names.use(this.#rows);
    if (signatures.length !== this.#rows.count * SIGNATURE_BYTES)
      fail("signatures", `${signatures.length} bytes for ${this.#rows.count} blocks`);
    this.#signatures = signatures;
  }

  /** Number of blocks. */
  get count(): number {
    return this.#rows.count;
  }

  block(index: number): SegmentBlock {
    const rows = this.#rows;
    return {
      firstSeq: rows.seqOf(index),
      count: rows.events[index] ?? 0,
      firstEvent: rows.offsets[index] ?? 0,
      receivedMs: Number(rows.receivedMs[index] ?? 0n),
      signer: rows.text(SEALED.signer, index),
      status: rows.text(SEALED.status, index),
      agentVersion: rows.text(SEALED.agentVersion, index),
    };
  }

  /** The block that has this number; undefined where none does. */
  blockAt(seq: bigint): number | undefined {
    let low = 0;
    let high = this.count - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const first = this.#rows.seqOf(middle);
      if (seq < first) high = middle - 1;
      else if (seq >= first + BigInt(this.#rows.events[middle] ?? 0)) low = middle + 1;
      else return middle;
    }
    return undefined;
  }

  /** Number of the event in the segment; undefined where it is not in here. */
  eventAt(seq: bigint): number | undefined {
    const block = this.blockAt(seq);
    return block === undefined ? undefined : (this.#rows.offsets[block] ?? 0) + Number(seq - this.#rows.seqOf(block));
  }

  /** Makes a block again. Whether it is the one that was sealed shows by its signature, or beside the original. */
  rebuild(index: number): RebuiltBlock {
    const rows = this.#rows;
    const { firstEvent, count, firstSeq, agentVersion } = this.block(index);
    const events = Array.from({ length: count }, (_, at) => this.events.event(firstEvent + at));
    const encoded = encodeEvents(events);
    const columns = withPadding(encoded.columns, rows.number(SEALED.padding, index));
    const header: Header = {
      formatVersion: FORMAT_VERSION,
      hostId: this.hostId,
      epoch: this.#sealedEpoch,
      firstSeq,
      count,
      firstTimeUnixNano: encoded.firstTimeUnixNano,
      lastTimeUnixNano: encoded.lastTimeUnixNano,
      bootId: rows.text(SEALED.bootId, index),
      columnsBytes: columns.length,
      columnsSha256: this.#primitives.sha256(columns),
      previousHeaderSha256: this.#previousOf(index),
      flags: rows.number(SEALED.flags, index),
      agentVersion,
    };
    const headerBytes = encodeHeader(header);
    const headerSha256 = this.#primitives.sha256(headerBytes);
    this.#hashes.set(index, headerSha256);
    const signature = this.#signatures.slice(index * SIGNATURE_BYTES, (index + 1) * SIGNATURE_BYTES);
    return { header, headerBytes, headerSha256, signature, columns };
  }

  #previousOf(index: number): Uint8Array {
    const previous = this.#rows.number(SEALED.previous, index);
    if (previous === PREVIOUS_IS_NONE) return new Uint8Array(0);
    if (previous === PREVIOUS_IS_BEFORE)
      return index === 0 ? fail("blocks.previous[0]", "nothing is before it") : this.#hashOf(index - 1);
    const at = (previous - PREVIOUS_FIRST_HASH) * HASH_BYTES;
    const hashes = this.#rows.previousHashes;
    if (at + HASH_BYTES > hashes.length)
      fail(`blocks.previous[${index}]`, `hash ${previous} of ${hashes.length / HASH_BYTES}`);
    return hashes.slice(at, at + HASH_BYTES);
  }

  /** From the last hash that is known, block by block, so that no chain is too long for the stack. */
  #hashOf(index: number): Uint8Array {
    let from = index;
    while (from > 0 && !this.#hashes.has(from) && this.#rows.number(SEALED.previous, from) === PREVIOUS_IS_BEFORE)
      from--;
    for (let at = from; at <= index; at++) if (!this.#hashes.has(at)) this.rebuild(at);
    return this.#hashes.get(index) ?? fail("blocks.previous", "no hash");
  }
}

function contentOf({ content, contentBytes }: Segment, primitives: BlockPrimitives): Uint8Array {
  let plain: Uint8Array;
  try {
    plain = primitives.decompress(content, contentBytes);
  } catch (cause) {
    throw new BlockError("SEGMENT_MALFORMED", "content", "cannot be decompressed", { cause });
  }
  if (plain.length !== contentBytes) fail("content", `${plain.length} bytes, not ${contentBytes}`);
  return plain;
}
