/** Which payloads are read for a time: those that have events of it, those between them by number, and one on each side. Pure. */
import type { TimeRange } from "../ask/index.ts";
import type { SequenceRange } from "../model/index.ts";
import type { Listed } from "./shelf.ts";

export interface Plan {
  /** What is read, the oldest first. */
  read: Listed[];
  /** What is only known to be listed. */
  rest: Listed[];
}

/** A host's clock is set back and forth: what is between two payloads by number may be of another time. */
export function planOf(payloads: readonly Listed[], range: TimeRange): Plan {
  const read = new Set<Listed>();
  for (const list of Map.groupBy(payloads, ({ epoch }) => epoch).values()) {
    const sorted = list.toSorted((a, b) => (firstOf(a) < firstOf(b) ? -1 : 1));
    const asked = sorted.map((each) => isOf(each, range));
    const first = asked.indexOf(true);
    if (first === -1) continue;
    const last = asked.lastIndexOf(true);
    const [low, high] = hullOf(sorted.filter((_, at) => asked[at]));
    for (const [at, each] of sorted.entries()) {
      // What is listed there and not read could hide that something is missing, whatever its times are said to be.
      const touches = rangesOf(each).some((range) => range.first <= high && low <= range.next);
      if (touches || at === first - 1 || at === last + 1 || (first <= at && at <= last)) read.add(each);
    }
  }
  return {
    read: [...read].sort((a, b) => (a.firstTimeNano < b.firstTimeNano ? -1 : 1)),
    rest: payloads.filter((each) => !read.has(each)),
  };
}

export function isOf(
  { firstTimeNano, lastTimeNano }: Pick<Listed, "firstTimeNano" | "lastTimeNano">,
  { startNano, endNano }: TimeRange,
): boolean {
  return firstTimeNano < endNano && lastTimeNano >= startNano;
}

/** Numbers of a payload, as they are listed. */
export function rangesOf({ from }: Listed): readonly SequenceRange[] {
  if ("entry" in from) return from.entry.ranges;
  const { firstSeq, count } = from.arrival;
  return [{ first: firstSeq, next: firstSeq + BigInt(count) }];
}

/** The first number of some payloads, and the one after their last. */
function hullOf(payloads: readonly Listed[]): [low: bigint, high: bigint] {
  const ranges = payloads.flatMap((each) => rangesOf(each));
  const low = ranges.reduce((least, { first }) => (first < least ? first : least), ranges[0]?.first ?? 0n);
  const high = ranges.reduce((most, { next }) => (next > most ? next : most), 0n);
  return [low, high];
}

function firstOf(listed: Listed): bigint {
  return rangesOf(listed)[0]?.first ?? 0n;
}
