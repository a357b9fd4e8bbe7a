/** Sets of sequence numbers as ranges: ascending, and apart from each other. Pure. */
import type { SequenceRange } from "../model/index.ts";

export type Ranges = readonly SequenceRange[];

/** The same numbers as ranges in order; those that touch become one. */
export function normalized(ranges: Iterable<SequenceRange>): SequenceRange[] {
  const sorted = Array.from(ranges, ({ first, next }) => ({ first, next }))
    .filter(({ first, next }) => first < next)
    .sort((a, b) => (a.first === b.first ? 0 : a.first < b.first ? -1 : 1));
  const merged: SequenceRange[] = [];
  for (const range of sorted) {
    const last = merged.at(-1);
    if (last === undefined || last.next < range.first) merged.push(range);
    else if (last.next < range.next) last.next = range.next;
  }
  return merged;
}

export function sizeOf(ranges: Ranges): bigint {
  return ranges.reduce((sum, { first, next }) => sum + (next - first), 0n);
}

/** The numbers of one list that are in the other one, too, and those that are not. */
export function split(ranges: Ranges, others: Ranges): { within: SequenceRange[]; without: SequenceRange[] } {
  const within: SequenceRange[] = [];
  const without: SequenceRange[] = [];
  for (const { first, next } of ranges) {
    let from = first;
    for (let at = firstEndingAfter(others, first); at < others.length; at++) {
      const other = others[at] as SequenceRange;
      if (other.first >= next) break;
      if (other.first > from) without.push({ first: from, next: other.first });
      const [start, end] = [other.first > from ? other.first : from, other.next < next ? other.next : next];
      within.push({ first: start, next: end });
      from = end;
    }
    if (from < next) without.push({ first: from, next });
  }
  return { within, without };
}

/** The numbers of one list that are not in the other one. */
export function without(ranges: Ranges, others: Ranges): SequenceRange[] {
  return split(ranges, others).without;
}

/** The first of them, as many as `most`. */
export function firstOf(ranges: Ranges, most: number): SequenceRange[] {
  const taken: SequenceRange[] = [];
  let left = BigInt(most);
  for (const { first, next } of ranges) {
    if (left <= 0n) break;
    const end = next - first > left ? first + left : next;
    taken.push({ first, next: end });
    left -= end - first;
  }
  return taken;
}

/** The first number that is in none of them, from one on. */
export function endOf(ranges: Ranges): bigint {
  return ranges.at(-1)?.next ?? 0n;
}

/** Place of the first range that ends after a number. */
function firstEndingAfter(ranges: Ranges, number: bigint): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle] as SequenceRange).next > number) high = middle;
    else low = middle + 1;
  }
  return low;
}
