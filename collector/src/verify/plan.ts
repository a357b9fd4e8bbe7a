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
    for (let at = Math.max(0, first - 1); at <= Math.min(asked.lastIndexOf(true) + 1, sorted.length - 1); at++) {
      const each = sorted[at];
      if (each !== undefined) read.add(each);
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

function firstOf(listed: Listed): bigint {
  return rangesOf(listed)[0]?.first ?? 0n;
}
