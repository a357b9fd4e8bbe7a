/**
 * Looks at stored events: plans which parts of history may have what is asked for, reads them within a budget, and says how complete that
 * was. Shared by all steps that answer questions about the past.
 */
import type { Filter } from "@hosttrail/lib/predicate";
import { type Budget, Spending } from "./budget.ts";
import type { Reduce } from "../reduce/index.ts";
import { readAhead, type ReducedPart, type ScanPart, wholeParts } from "./ahead.ts";
import { ScanReport } from "./report.ts";
import type { ScanSource } from "./source.ts";

export type { ReducedPart, ScanPart } from "./ahead.ts";
export { type Budget, Spending } from "./budget.ts";
export { type EventsRequest, eventsInOrder, type Found, type Position } from "./ordered.ts";
export { type Order, type Part, type PartSource, partsOf, ScanTooWideError, type SieveQuestion } from "./parts.ts";
export {
  completenessOf,
  type Lack,
  type Looked,
  ScanReport,
  type ScanStep,
  timestampOf,
  type Unreadable,
  unreadableOf,
} from "./report.ts";
export type { FoundElsewhere, Lent, UnitJob } from "./line.ts";
export { type Lender, ScanPool } from "./pool.ts";
export { type ScanSource, scanSource } from "./source.ts";
export { GoneError, isWithin, readWhole } from "./whole.ts";

export interface ScanRequest {
  filter: Filter;
  /** Only of these; undefined for all. */
  hosts: ReadonlySet<string> | undefined;
  /** Inclusive start and exclusive end of the event time, nanoseconds since 1970. */
  startNano: bigint;
  endNano: bigint;
  /** Of the parts: by their first events, or by their last ones. Their time ranges may overlap; "any" is whatever is quickest. */
  order: "ascending" | "descending" | "any";
  budget: Budget;
  /** Ends the scan early, without an error. */
  signal: AbortSignal;
}

/**
 * Gives the events that match, each in just one part; parts without any are not given. Where the budget ends it early, or something
 * cannot be read, the report says so: `completenessOf(report)` after the last part. `looked` is told after each unit.
 *
 * Throws a RetryableError where the database is away before anything was read, and a ScanTooWideError.
 */
export async function* scan(
  source: ScanSource,
  request: ScanRequest,
  report: ScanReport = new ScanReport(),
  looked: (report: ScanReport) => void = () => undefined,
): AsyncGenerator<ScanPart, void, undefined> {
  for await (const parts of partsRead(source, request, report)) {
    looked(report);
    yield* wholeParts(parts);
  }
}

/**
 * As `scan`, but gives what is made of the events of each unit, wherever it was read. Where that would be more than the events, it gives
 * these.
 */
export async function* scanReduced(
  source: ScanSource,
  request: ScanRequest & { reduce: Reduce },
  report: ScanReport = new ScanReport(),
  looked: (report: ScanReport) => void = () => undefined,
): AsyncGenerator<ScanPart | ReducedPart, void, undefined> {
  for await (const parts of partsRead(source, request, report)) {
    looked(report);
    yield* parts;
  }
}

async function* partsRead(
  source: ScanSource,
  request: ScanRequest & { reduce?: Reduce },
  report: ScanReport,
): AsyncGenerator<(ScanPart | ReducedPart)[], void, undefined> {
  const order = request.order === "any" ? "descending" : request.order;
  const reading = readAhead(source, { ...request, order, mayEndAtStart: true }, new Spending(request.budget), report);
  for await (const coming of reading) yield await coming.read();
}
