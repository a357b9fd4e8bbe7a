/** Numbers of events as ranges, ascending and apart from each other. Pure. */
import type { SequenceRange } from "../model/index.ts";

/** Numbers that are in any of them. Ranges that touch become one. */
export function union(...lists: readonly (readonly SequenceRange[])[]): SequenceRange[] {
  const sorted = lists.flat().toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const joined: SequenceRange[] = [];
  for (const { first, next } of sorted) {
    const last = joined.at(-1);
    if (first >= next) continue;
    if (last === undefined || last.next < first) joined.push({ first, next });
    else if (last.next < next) joined[joined.length - 1] = { first: last.first, next };
  }
  return joined;
}

/** Numbers of `ranges` that are not in `taken`; both ascending and apart. */
export function without(ranges: readonly SequenceRange[], taken: readonly SequenceRange[]): SequenceRange[] {
  return ranges.flatMap((range) => {
    const left: SequenceRange[] = [];
    let { first } = range;
    for (const other of taken) {
      if (other.next <= first) continue;
      if (other.first >= range.next) break;
      if (other.first > first) left.push({ first, next: other.first });
      first = other.next;
    }
    if (first < range.next) left.push({ first, next: range.next });
    return left;
  });
}

/** Numbers that are in both. */
export function common(a: readonly SequenceRange[], b: readonly SequenceRange[]): SequenceRange[] {
  return without(a, without(a, b));
}

export function countOf(ranges: readonly SequenceRange[]): number {
  return ranges.reduce((sum, { first, next }) => sum + Number(next - first), 0);
}

/** The first of them, as many as `most`. */
export function firstOf(ranges: readonly SequenceRange[], most: number): SequenceRange[] {
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
