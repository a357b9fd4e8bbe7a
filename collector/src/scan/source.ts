/** Reads one unit for a scan: opens it, and finds what is asked for in it. */
import type { ColumnBlock } from "@hosttrail/lib/block";
import type { Filter } from "@hosttrail/lib/predicate";
import type { History, Unit } from "../history/index.ts";
import type { Place, SequenceRange } from "../model/index.ts";
import type { PartSource } from "./parts.ts";
import type { ScanStep } from "./report.ts";
import { isWithin } from "./whole.ts";

export interface ReadJob {
  filter: Filter;
  /** Inclusive start and exclusive end, nanoseconds since 1970. */
  startNano: bigint;
  endNano: bigint;
  /** Only events with these numbers; undefined for all. */
  only: readonly SequenceRange[] | undefined;
}

export interface UnitRead {
  /** Numbers of the events that are asked for, ascending. */
  matches: number[];
  /** Undefined where nothing matches. Shared by all who read it: nobody may change its rows. */
  events: ColumnBlock | undefined;
  /** Of the stored payload, where it was read. */
  bytes: number;
  /** Milliseconds that steps took. */
  times: readonly (readonly [ScanStep, number])[];
}

/** What a scan needs of history. */
export interface ScanSource extends PartSource {
  /** Throws a BlockError where the unit is damaged, a MovedError where others took its place, and a RetryableError. */
  read(unit: Unit, job: ReadJob): Promise<UnitRead>;
}

/** History as scans see it, read in this thread. */
export function scanSource(
  history: Pick<History, "begin" | "mayMatch" | "open">,
  dayRange: (day: Place) => { startNano: bigint; endNano: bigint },
): ScanSource {
  return {
    begin: (query) => history.begin(query),
    dayRange,
    mayMatch: (unit, question) => history.mayMatch(unit, question),
    async read(unit, job) {
      const startMs = performance.now();
      const { events } = await history.open(unit);
      const openedMs = performance.now();
      const matches = matchesIn(events, job);
      const times = [
        ["open", openedMs - startMs],
        ["match", performance.now() - openedMs],
      ] as const;
      return { matches, events: matches.length === 0 ? undefined : events, bytes: bytesOf(unit), times };
    },
  };
}

export function matchesIn(events: ColumnBlock, job: ReadJob): number[] {
  const matches = job.filter.match(events);
  return matches.every((event) => isWithin(events, event, job, job.only))
    ? matches
    : matches.filter((event) => isWithin(events, event, job, job.only));
}

/** Of its payload, as it is stored. */
export function bytesOf({ from }: Unit): number {
  return "entry" in from ? from.entry.bytes : from.arrival.bytes.length;
}
