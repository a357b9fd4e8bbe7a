/** Numbers of events as ranges, for those who tell what became of them. */

/** Events of one epoch whose numbers follow each other. */
export interface NumberRange {
  epoch: bigint;
  firstSeq: bigint;
  count: number;
}

/**
 * The ranges in the order of their numbers, those that follow each other as one. Of more than `max` the last ones of an epoch become one that
 * goes over what lies between them, too: so every number that was given is in the answer, and others may be.
 */
export function mergedRanges(ranges: Iterable<NumberRange>, max: number): NumberRange[] {
  const sorted = Array.from(ranges, (range) => ({ ...range })).sort(byNumber);
  const merged: NumberRange[] = [];
  for (const range of sorted) {
    const last = merged.at(-1);
    const isNext = last?.epoch === range.epoch && nextOf(last) === range.firstSeq;
    const isCoarse = merged.length >= max && last?.epoch === range.epoch;
    if (last !== undefined && (isNext || isCoarse)) last.count = Number(nextOf(range) - last.firstSeq);
    else merged.push(range);
  }
  return merged;
}

/** `<epoch, hex>-<first number>+<count>`, one behind the other. */
export function rangesText(ranges: readonly NumberRange[]): string {
  return ranges.map(({ epoch, firstSeq, count }) => `${epoch.toString(16)}-${firstSeq}+${count}`).join(" ");
}

function nextOf({ firstSeq, count }: NumberRange): bigint {
  return firstSeq + BigInt(count);
}

function byNumber(a: NumberRange, b: NumberRange): number {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  return a.firstSeq === b.firstSeq ? 0 : a.firstSeq < b.firstSeq ? -1 : 1;
}
