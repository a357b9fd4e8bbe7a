/** Which events rules were held against, of the blocks that are acknowledged next. */
import type { ParsedBlock } from "@hosttrail/lib/block";
import type { LookedRange } from "@hosttrail/proto/detection";
import { normalized } from "../ranges/index.ts";

/** The numbers of a block's events. */
export function rangeOf({ header }: ParsedBlock): LookedRange {
  const { hostId, epoch, firstSeq, count } = header;
  return { hostId, epoch, first: firstSeq, next: firstSeq + BigInt(count) };
}

/** Ranges of one host and epoch that touch or overlap become one. */
export function joined(ranges: readonly LookedRange[]): LookedRange[] {
  const trails = Map.groupBy(ranges, ({ hostId, epoch }) => `${hostId}-${epoch}`);
  return [...trails.values()].flatMap((trail) => {
    const [{ hostId, epoch }] = trail as [LookedRange, ...LookedRange[]];
    return normalized(trail).map((range) => ({ hostId, epoch, ...range }));
  });
}
