/** Numbers of events by the epochs that they are of. Pure. */
import type { SequenceRange } from "../model/index.ts";
import { normalized, type Ranges } from "../ranges/index.ts";

/** Ranges by the epoch that they are of. */
export type Numbers = ReadonlyMap<bigint, Ranges>;

export interface EpochRange extends SequenceRange {
  epoch: bigint;
}

export function numbersOf(ranges: Iterable<EpochRange>): Numbers {
  const byEpoch = Map.groupBy(ranges, ({ epoch }) => epoch);
  return new Map(Array.from(byEpoch, ([epoch, list]) => [epoch, normalized(list)]));
}
