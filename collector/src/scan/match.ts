/** Finds in one unit's events what is asked for. */
import type { ColumnBlock } from "@hosttrail/lib/block";
import type { Filter } from "@hosttrail/lib/predicate";
import type { SequenceRange } from "../model/index.ts";
import type { Reduce } from "../reduce/index.ts";
import { isWithin } from "./whole.ts";

export interface ReadJob {
  filter: Filter;
  /** Inclusive start and exclusive end, nanoseconds since 1970. */
  startNano: bigint;
  endNano: bigint;
  /** Only events with these numbers; undefined for all. */
  only: readonly SequenceRange[] | undefined;
  /** What is to be made of the events, where they themselves are not asked for. */
  reduce?: Reduce | undefined;
}

/** Numbers of the events, ascending; `unit` is what holds them. */
export function matchesIn(
  events: ColumnBlock,
  job: ReadJob,
  unit: { firstTimeNano: bigint; lastTimeNano: bigint },
): number[] {
  const matches = job.filter.match(events);
  const { startNano, endNano, only } = job;
  // Most units lie within the range as a whole.
  if (only === undefined && unit.firstTimeNano >= startNano && unit.lastTimeNano < endNano) return matches;
  return matches.filter((event) => isWithin(events, event, job, only));
}
