/** What history is read in: one payload with its events, whether it came a moment ago or lies in a segment. */
import {
  BlockError,
  type BlockPrimitives,
  type ColumnBlock,
  openBlock,
  parseBlock,
  SegmentReader,
} from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { Arrival, CatalogEntry, Place, SequenceRange } from "../model/index.ts";

/** Events of one host and epoch that are kept together. Times are nanoseconds since 1970. */
export interface Unit {
  id: string;
  place: Place;
  hostId: string;
  epoch: bigint;
  ranges: readonly SequenceRange[];
  firstTimeNano: bigint;
  lastTimeNano: bigint;
  events: number;
  from: { arrival: Arrival } | { entry: CatalogEntry };
}

/** A unit whose bytes are here. */
export interface OpenUnit {
  /** Shared by all who read it: nobody may change its rows. */
  events: ColumnBlock;
  /** Number of the event in `events`; undefined where it is not in here. */
  eventAt(seq: bigint): number | undefined;
  /** SHA-256 of the header of the block with this first number, hex. */
  headerHashOf(firstSeq: bigint): string | undefined;
}

export function unitOfArrival(arrival: Arrival): Unit {
  const { id, place, hostId, epoch, firstSeq, count, firstTimeNano, lastTimeNano } = arrival;
  const ranges = [{ first: firstSeq, next: firstSeq + BigInt(count) }];
  return { id, place, hostId, epoch, ranges, firstTimeNano, lastTimeNano, events: count, from: { arrival } };
}

export function unitOfEntry(place: Place, hostId: string, entry: CatalogEntry): Unit {
  const { id, epoch, ranges, firstTimeNano, lastTimeNano, events } = entry;
  return { id, place, hostId, epoch, ranges, firstTimeNano, lastTimeNano, events, from: { entry } };
}

/** True where one of them has a number of the other. */
export function overlaps(a: readonly SequenceRange[], b: readonly SequenceRange[]): boolean {
  return a.some(({ first, next }) => b.some((other) => other.first < next && first < other.next));
}

export function covers(ranges: readonly SequenceRange[], seq: bigint): boolean {
  return ranges.some(({ first, next }) => first <= seq && seq < next);
}

/**
 * Opens a payload. Throws a BlockError that names it where its bytes are not what they should be; of those that are "checked" it is known
 * that they are what was stored.
 */
export function openPayload(
  unit: Unit,
  bytes: Uint8Array,
  primitives: BlockPrimitives = nodePrimitives,
  trust: "checked" | "unchecked" = "unchecked",
): OpenUnit {
  const { from } = unit;
  try {
    if ("arrival" in from) return openArrived(bytes, unit.epoch);
    const { entry } = from;
    if (trust === "unchecked") checkHash(bytes, entry.sha256);
    return entry.block === undefined ? openSegment(bytes, unit, primitives) : openArrived(bytes, unit.epoch);
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    throw new BlockError(error.code, `${unit.place} ${unit.id}, ${error.place}`, error.detail, { cause: error });
  }
}

function checkHash(bytes: Uint8Array, expected: Uint8Array): void {
  const sha256 = nodePrimitives.sha256(bytes);
  if (expected.every((byte, at) => byte === sha256[at])) return;
  throw new BlockError("SEGMENT_MALFORMED", "bytes", `not those that were stored: SHA-256 is ${hexOf(sha256)}`);
}

/** Under the epoch where it is kept: that of a fork is one of its own. */
function openArrived(bytes: Uint8Array, epoch: bigint): OpenUnit {
  const parsed = parseBlock(bytes);
  const { firstSeq, count } = parsed.header;
  const events = openBlock({ ...parsed, header: { ...parsed.header, epoch } }, nodePrimitives);
  return {
    events,
    eventAt: (seq) => (seq >= firstSeq && seq < firstSeq + BigInt(count) ? Number(seq - firstSeq) : undefined),
    headerHashOf: (seq) => (seq === firstSeq ? hexOf(nodePrimitives.sha256(parsed.block.header)) : undefined),
  };
}

function openSegment(bytes: Uint8Array, { hostId, epoch }: Unit, primitives: BlockPrimitives): OpenUnit {
  const segment = new SegmentReader(bytes, primitives);
  if (segment.hostId !== hostId || segment.epoch !== epoch) {
    throw new BlockError("SEGMENT_MALFORMED", "host_id", `of host ${segment.hostId}, epoch ${segment.epoch}`);
  }
  return {
    events: segment.events,
    eventAt: (seq) => segment.eventAt(seq),
    headerHashOf(firstSeq) {
      const block = segment.blockAt(firstSeq);
      if (block === undefined || segment.block(block).firstSeq !== firstSeq) return undefined;
      return hexOf(segment.rebuild(block).headerSha256);
    },
  };
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
