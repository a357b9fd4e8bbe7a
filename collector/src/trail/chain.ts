/**
 * Whether a block fits to what is stored of its host. Numbers that come twice, that are missing and links that do not hold are
 * found from the headers alone; nothing here reads a payload.
 *
 * A block whose numbers are taken is a fork: a machine set back to a snapshot makes one, and so does whoever rewrites a trail. Both
 * blocks are kept. The fork's events get an epoch made of its own hash, so that each event has a name of its own, and the same block
 * gets the same name at each delivery.
 */
import { eventId } from "@hosttrail/lib/block";
import type { ChainStatus, EpochTrail, TrailRange } from "../model/index.ts";

/** What a header says of its block's place. */
export interface Link {
  epoch: bigint;
  firstSeq: bigint;
  count: number;
  /** Hash of its header, hex, and of the one that it names as the one before; empty for the first one of an epoch. */
  hash: string;
  previous: string;
}

/** Time that a hole may take to be filled by blocks that were passed by others, before it is told. */
export const HOLE_GRACE_MS = 60_000;
/** Epochs of a host that are known at once; the one that was used least recently goes first. */
export const EPOCHS_MAX = 16;
/** Ranges of an epoch, at most; below, numbers are forgotten. */
export const RANGES_MAX = 32;

/** True where the numbers of a block are taken. The same block again is also this. */
export function isTaken(trail: readonly EpochTrail[], link: Link): boolean {
  const next = link.firstSeq + BigInt(link.count);
  const epoch = trail.find((each) => each.epoch === link.epoch);
  return epoch?.ranges.some((range) => range.first < next && link.firstSeq < range.next) ?? false;
}

/** True where the trail tells of this number, or would not tell of it any more. */
export function isTold(trail: readonly EpochTrail[], epoch: bigint, seq: bigint): boolean {
  const found = trail.find((each) => each.epoch === epoch);
  if (found === undefined) return trail.length >= EPOCHS_MAX;
  return seq < found.floor || found.ranges.some(({ first, next }) => first <= seq && seq < next);
}

/** Adds a block that is stored and whose numbers were free. */
export function extendTrail(
  trail: readonly EpochTrail[],
  link: Link,
  nowMs: number,
): { trail: EpochTrail[]; status: ChainStatus } {
  const before = trail.find(({ epoch }) => epoch === link.epoch) ?? {
    epoch: link.epoch,
    usedMs: nowMs,
    ranges: [],
    floor: 0n,
    missing: 0n,
  };
  const others = trail.filter(({ epoch }) => epoch !== link.epoch);
  const { epoch, status } = extendEpoch(before, link, nowMs);
  const kept = others.toSorted((a, b) => b.usedMs - a.usedMs).slice(0, EPOCHS_MAX - 1);
  return { trail: [epoch, ...kept], status };
}

function extendEpoch(before: EpochTrail, link: Link, nowMs: number): { epoch: EpochTrail; status: ChainStatus } {
  const next = link.firstSeq + BigInt(link.count);
  const usedMs = Math.max(before.usedMs, nowMs);
  if (link.firstSeq < before.floor) return { epoch: { ...before, usedMs }, status: "unknown" };
  const left = before.ranges.find((range) => range.next === link.firstSeq);
  const right = before.ranges.find((range) => range.first === next);
  const isBroken =
    (left !== undefined && link.previous !== left.last) || (right !== undefined && right.previous !== link.hash);
  const merged: TrailRange = {
    first: left?.first ?? link.firstSeq,
    next: right?.next ?? next,
    previous: left === undefined ? link.previous : left.previous,
    last: right?.last ?? link.hash,
    // The hole before it begins when what lies behind it is seen.
    holeMs: left?.holeMs ?? nowMs,
  };
  const ranges = [...before.ranges.filter((range) => range !== left && range !== right), merged].toSorted((a, b) =>
    a.first < b.first ? -1 : 1,
  );
  const epoch = forget({ ...before, usedMs, ranges });
  const status = isBroken
    ? "broken"
    : left !== undefined
      ? "continues"
      : before.ranges.length === 0
        ? "first"
        : right !== undefined || link.firstSeq < (before.ranges.at(-1)?.first ?? 0n)
          ? "fills"
          : "gap";
  return { epoch, status };
}

/** Keeps as many ranges as are allowed, and counts what is missing below them. */
function forget(epoch: EpochTrail): EpochTrail {
  let { ranges, floor, missing } = epoch;
  while (ranges.length > RANGES_MAX) {
    const [lowest, following] = ranges;
    if (lowest === undefined || following === undefined) break;
    missing += lowest.first - floor;
    floor = lowest.next;
    ranges = ranges.slice(1);
  }
  return { ...epoch, ranges, floor, missing };
}

/** Number of events that are missing: in holes that were seen at least `graceMs` ago, since blocks may pass each other. */
export function missingEvents(trail: readonly EpochTrail[], nowMs: number, graceMs: number): bigint {
  let sum = 0n;
  for (const { ranges, floor, missing } of trail) {
    sum += missing;
    let before = floor;
    for (const { first, next, holeMs } of ranges) {
      if (first > before && nowMs - holeMs >= graceMs) sum += first - before;
      before = next;
    }
  }
  return sum;
}

/** The first hole that is old enough to be told and was not yet, and the trail in which all such are told. */
export function untoldHole(
  trail: readonly EpochTrail[],
  nowMs: number,
  graceMs: number,
): { hole: { epoch: bigint; first: bigint; next: bigint } | undefined; trail: EpochTrail[] } {
  let hole: { epoch: bigint; first: bigint; next: bigint } | undefined;
  const told = trail.map((epoch) => {
    let before = epoch.floor;
    const ranges = epoch.ranges.map((range) => {
      const from = before;
      before = range.next;
      if (range.holeMs === 0 || nowMs - range.holeMs < graceMs) return range;
      if (range.first > from) hole ??= { epoch: epoch.epoch, first: from, next: range.first };
      return { ...range, holeMs: 0 };
    });
    return { ...epoch, ranges };
  });
  return { hole, trail: told };
}

/** The epoch of a fork: the beginning of its header's hash. */
export function forkEpoch(hash: string): bigint {
  return BigInt(`0x${hash.slice(0, 16)}`);
}

/** Under which id a fork is kept. */
export function forkId(hostId: string, { hash, firstSeq }: Pick<Link, "hash" | "firstSeq">): string {
  return eventId(hostId, forkEpoch(hash), firstSeq);
}
