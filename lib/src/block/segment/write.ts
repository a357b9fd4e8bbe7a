/** Puts blocks together to one segment. */
import { Segment } from "@hosttrail/proto/segment";
import type { ColumnBlock } from "../decode.ts";
import { EventEncoder } from "../encode.ts";
import type { ParsedBlock } from "../header.ts";
import { U32List } from "../list.ts";
import type { BlockPrimitives } from "../seal.ts";
import { StringTableBuilder } from "../strings.ts";
import { pushHalves, WireWriter } from "../wire.ts";
import {
  CONTENT,
  HASH_INTERVAL,
  PREVIOUS_FIRST_HASH,
  PREVIOUS_IS_BEFORE,
  PREVIOUS_IS_NONE,
  SEALED,
  SEGMENT_EVENTS_MAX,
  SEGMENT_TEXT_MAX,
  SEGMENT_VERSION,
} from "./fields.ts";

/** A block that becomes part of a segment. */
export interface SegmentPart {
  parsed: ParsedBlock;
  events: Pick<ColumnBlock, "count" | "event">;
  /** SHA-256 of its header. */
  headerSha256: Uint8Array;
  /** Bytes of noise that its columns were padded with; see `paddingOf`. */
  padding: number;
  receivedMs: number;
  signer: string;
  status: string;
}

export class SegmentWriter {
  readonly #hostId: string;
  readonly #epoch: bigint;
  readonly #encoder = new EventEncoder(SEGMENT_EVENTS_MAX);
  readonly #strings = new StringTableBuilder();
  readonly #seqLow = new U32List();
  readonly #seqHigh = new U32List();
  readonly #receivedLow = new U32List();
  readonly #receivedHigh = new U32List();
  readonly #events = new U32List();
  readonly #bootId = new U32List();
  readonly #agentVersion = new U32List();
  readonly #flags = new U32List();
  readonly #previous = new U32List();
  readonly #padding = new U32List();
  readonly #signer = new U32List();
  readonly #status = new U32List();
  readonly #hashes: Uint8Array[] = [];
  readonly #signatures: Uint8Array[] = [];
  #sealedEpoch = 0n;
  #nextSeq = 0n;
  #last: Uint8Array | undefined;

  /** `epoch`: the one by which the events are named. */
  constructor(hostId: string, epoch: bigint) {
    this.#hostId = hostId;
    this.#epoch = epoch;
  }

  get blocks(): number {
    return this.#events.length;
  }

  get events(): number {
    return this.#encoder.count;
  }

  /** Adds a block; false where it belongs into another segment. Blocks come in the order of their numbers. */
  add({ parsed, events, headerSha256, padding, receivedMs, signer, status }: SegmentPart): boolean {
    const { header, block } = parsed;
    const isFirst = this.blocks === 0;
    if (!isFirst && (header.epoch !== this.#sealedEpoch || header.firstSeq < this.#nextSeq)) return false;
    const { count, isHeavy, textBytes } = this.#encoder;
    if (!isFirst && (count + events.count > SEGMENT_EVENTS_MAX || isHeavy || textBytes > SEGMENT_TEXT_MAX))
      return false;
    for (let index = 0; index < events.count; index++) this.#encoder.add(events.event(index));
    pushHalves(header.firstSeq, this.#seqLow, this.#seqHigh);
    pushHalves(BigInt(receivedMs), this.#receivedLow, this.#receivedHigh);
    this.#events.push(events.count);
    this.#bootId.push(this.#strings.text(header.bootId));
    this.#agentVersion.push(this.#strings.text(header.agentVersion));
    this.#flags.push(header.flags);
    this.#previous.push(this.#previousOf(header.previousHeaderSha256));
    this.#padding.push(padding);
    this.#signer.push(this.#strings.text(signer));
    this.#status.push(this.#strings.text(status));
    this.#signatures.push(block.signature);
    this.#sealedEpoch = header.epoch;
    this.#nextSeq = header.firstSeq + BigInt(header.count);
    this.#last = headerSha256;
    return true;
  }

  #previousOf(hash: Uint8Array): number {
    if (hash.length === 0) return PREVIOUS_IS_NONE;
    const isBefore = this.#last?.every((byte, at) => byte === hash[at]) ?? false;
    if (isBefore && this.blocks % HASH_INTERVAL !== 0) return PREVIOUS_IS_BEFORE;
    return PREVIOUS_FIRST_HASH + this.#hashes.push(hash) - 1;
  }

  /** The serialized Segment. Nothing can be added after it. */
  finish(primitives: BlockPrimitives): Uint8Array {
    const writer = new WireWriter();
    writer.bytes(CONTENT.events, this.#encoder.finish().columns);
    const begin = writer.open(CONTENT.blocks);
    writer.uint(1, this.blocks);
    writer.int64Column(SEALED.firstSeq, this.#seqLow, this.#seqHigh);
    writer.packed(SEALED.events, this.#events);
    writer.packed(SEALED.bootId, this.#bootId);
    writer.packed(SEALED.agentVersion, this.#agentVersion);
    writer.packed(SEALED.flags, this.#flags);
    writer.packed(SEALED.previous, this.#previous);
    writer.packed(SEALED.padding, this.#padding);
    writer.int64Column(SEALED.receivedMs, this.#receivedLow, this.#receivedHigh);
    writer.packed(SEALED.signer, this.#signer);
    writer.packed(SEALED.status, this.#status);
    this.#strings.write(writer, SEALED.strings);
    writer.bytes(SEALED.previousHashes, joined(this.#hashes));
    writer.close(begin);
    const content = writer.finish();
    return Segment.encode({
      formatVersion: SEGMENT_VERSION,
      hostId: Uint8Array.from(this.#hostId.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16)),
      epoch: this.#epoch,
      sealedEpoch: this.#sealedEpoch === this.#epoch ? 0n : this.#sealedEpoch,
      contentBytes: content.length,
      content: primitives.compressSegment(content),
      signatures: joined(this.#signatures),
    }).finish();
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
