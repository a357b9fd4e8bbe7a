/** What is made of a host's blocks, away from the event loop: plain data in, plain data out. */
import {
  type ColumnBlock,
  mergeBlocks,
  type MergePart,
  openBlock,
  type ParsedBlock,
  parseBlock,
  SegmentReader,
} from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { tellSieve } from "@hosttrail/lib/predicate";
import { SieveBuilder } from "@hosttrail/lib/sieve";
import { Block, Codec } from "@hosttrail/proto/block";
import type { CatalogEntry, SequenceRange } from "../model/index.ts";
import { hourEventsOf } from "./hours.ts";

/** A block as it arrived. */
export interface BlockInput {
  receivedMs: number;
  signer: string;
  status: string;
  bytes: Uint8Array;
}

/** Blocks of one host, epoch and place that do not overlap, and segments of which all blocks come along. */
export interface Job {
  hostId: string;
  epoch: bigint;
  blocks: BlockInput[];
  /** Their bytes. */
  segments: Uint8Array[];
  /** Blocks stay by themselves: their merging has ended a worker before. */
  isCareful?: boolean;
}

/** A payload and all that a catalog says of it, but for its id. */
export interface Made {
  entry: Omit<CatalogEntry, "id">;
  bytes: Uint8Array;
  sieve: Uint8Array;
}

/** Ranges of a segment, at most: a trail with more holes is cut into more segments. */
const RANGES_MAX = 256;

interface Part extends MergePart {
  isArrival: boolean;
  /** The serialized Block. */
  original: () => Uint8Array;
}

/** Merges all that the job has. Throws a BlockError where a segment of it is damaged. */
export function compact({ hostId, epoch, blocks, segments, isCareful }: Job): Made[] {
  const parts = [...blocks.map((block) => partOf(block, epoch)), ...segments.flatMap(partsOf)];
  parts.sort((a, b) => (a.parsed.header.firstSeq < b.parsed.header.firstSeq ? -1 : 1));
  const made: Made[] = [];
  let left = parts;
  if (isCareful === true) {
    made.push(...parts.filter(({ isArrival }) => isArrival).map((part) => alone(part, epoch, "merging it failed")));
    left = parts.filter(({ isArrival }) => !isArrival);
  }
  while (left.length > 0) {
    const some = upToRanges(left);
    const { segment, merged, apart, rest } = mergeBlocks({ hostId, epoch }, some, nodePrimitives);
    for (const { part, reason } of apart) made.push(alone(part, epoch, reason));
    if (segment !== undefined) made.push(together(segment.bytes, segment.reader, merged, epoch));
    left = [...rest, ...left.slice(some.length)];
  }
  return made;
}

function partOf({ bytes, receivedMs, signer, status }: BlockInput, epoch: bigint): Part {
  const parsed = parseBlock(bytes);
  const events = openBlock({ ...parsed, header: { ...parsed.header, epoch } }, nodePrimitives);
  const headerSha256 = nodePrimitives.sha256(parsed.block.header);
  return { parsed, events, headerSha256, receivedMs, signer, status, isArrival: true, original: () => bytes };
}

/** The blocks of a segment, made again. Their events are read where they lie. */
function partsOf(bytes: Uint8Array): Part[] {
  const reader = new SegmentReader(bytes, nodePrimitives);
  return Array.from({ length: reader.count }, (_, index) => {
    const { receivedMs, signer, status, firstEvent, count } = reader.block(index);
    const { header, headerBytes, headerSha256, signature } = reader.rebuild(index);
    const block = { header: headerBytes, signature, codec: Codec.ZSTD, payload: NO_BYTES };
    const original = (): Uint8Array => {
      const payload = nodePrimitives.compress(reader.rebuild(index).columns);
      return Block.encode({ ...block, payload }).finish();
    };
    const events = { count, event: (at: number) => reader.events.event(firstEvent + at) };
    const sealed = { parsed: { header, block } satisfies ParsedBlock, events, headerSha256 };
    return { ...sealed, receivedMs, signer, status, isArrival: false, original };
  });
}

const NO_BYTES = new Uint8Array(0);

/** As many parts, from the first one on, as leave few enough holes between them. */
function upToRanges(parts: readonly Part[]): Part[] {
  let ranges = 0;
  let next: bigint | undefined;
  const end = parts.findIndex(({ parsed: { header } }) => {
    if (header.firstSeq !== next) ranges++;
    next = header.firstSeq + BigInt(header.count);
    return ranges > RANGES_MAX;
  });
  return parts.slice(0, end === -1 ? parts.length : end);
}

function together(bytes: Uint8Array, reader: SegmentReader, merged: readonly Part[], epoch: bigint): Made {
  return finish(bytes, reader.events, merged, { epoch, blocks: merged.length });
}

/** A block that stays as it is, since it cannot be made again from a segment. */
function alone({ receivedMs, signer, status, original, ...part }: Part, epoch: bigint, reason: string): Made {
  const bytes = original();
  const parsed = parseBlock(bytes);
  const events = openBlock({ ...parsed, header: { ...parsed.header, epoch } }, nodePrimitives);
  return finish(bytes, events, [part], { epoch, blocks: 1, block: { receivedMs, signer, status, reason } });
}

function finish(
  bytes: Uint8Array,
  events: ColumnBlock,
  parts: readonly Pick<Part, "parsed">[],
  about: Pick<CatalogEntry, "epoch" | "blocks" | "block">,
): Made {
  const keys = new SieveBuilder();
  tellSieve(events, keys);
  const sieve = keys.finish();
  const headers = parts.map(({ parsed }) => parsed.header);
  const firstTimeNano = headers.reduce((least, { firstTimeUnixNano: time }) => (time < least ? time : least), TIME_MAX);
  const lastTimeNano = headers.reduce((most, { lastTimeUnixNano: time }) => (time > most ? time : most), TIME_MIN);
  const hourEvents = hourEventsOf(events.columns.time, firstTimeNano, lastTimeNano);
  return {
    bytes,
    sieve,
    entry: {
      ...about,
      ranges: rangesOf(headers),
      firstTimeNano,
      lastTimeNano,
      events: events.count,
      bytes: bytes.length,
      sha256: nodePrimitives.sha256(bytes),
      sieveSha256: nodePrimitives.sha256(sieve),
      ...(hourEvents === undefined ? {} : { hourEvents }),
    },
  };
}

const TIME_MIN = -(1n << 63n);
const TIME_MAX = (1n << 63n) - 1n;

function rangesOf(headers: readonly { firstSeq: bigint; count: number }[]): SequenceRange[] {
  const ranges: SequenceRange[] = [];
  for (const { firstSeq, count } of headers) {
    const last = ranges.at(-1);
    const next = firstSeq + BigInt(count);
    if (last?.next === firstSeq) last.next = next;
    else ranges.push({ first: firstSeq, next });
  }
  return ranges;
}
