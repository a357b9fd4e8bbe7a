/** Which events rules were held against, of the blocks that are acknowledged next. */
import { parseBlock } from "@hosttrail/lib/block";
import type { LookedRange } from "@hosttrail/proto/detection";

/** The numbers of a block's events. */
export function rangeOf(bytes: Uint8Array): LookedRange {
  const { hostId, epoch, firstSeq, count } = parseBlock(bytes).header;
  return { hostId, epoch, first: firstSeq, next: firstSeq + BigInt(count) };
}

/** Ranges that touch or overlap become one; in the order of hosts, epochs and numbers. */
export function joined(ranges: readonly LookedRange[]): LookedRange[] {
  const some: LookedRange[] = [];
  for (const range of ranges.toSorted(inOrder)) {
    const last = some.at(-1);
    if (last?.hostId !== range.hostId || last.epoch !== range.epoch || last.next < range.first) some.push({ ...range });
    else if (last.next < range.next) last.next = range.next;
  }
  return some;
}

function inOrder(a: LookedRange, b: LookedRange): number {
  if (a.hostId !== b.hostId) return a.hostId < b.hostId ? -1 : 1;
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  return a.first < b.first ? -1 : a.first > b.first ? 1 : 0;
}
