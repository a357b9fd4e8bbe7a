/** Numbers that are known within bounds. */

/** `low` and `high` are where it is expected to be; all of one unit. */
export interface Interval {
  low: number;
  mid: number;
  high: number;
}

export const NOTHING: Interval = { low: 0, mid: 0, high: 0 };

export function scaled({ low, mid, high }: Interval, factor: number): Interval {
  return { low: low * factor, mid: mid * factor, high: high * factor };
}

/** Bounds are added as if all erred to the same side: hosts of a fleet do. */
export function sumOf(all: readonly Interval[]): Interval {
  const sum = { ...NOTHING };
  for (const { low, mid, high } of all) {
    sum.low += low;
    sum.mid += mid;
    sum.high += high;
  }
  return sum;
}

/** The value below which so much of the sorted ones lies, between neighbours by distance; 0 where there is none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [below = 0, above = below] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (above - below) * (at - Math.floor(at));
}
