/** Reads one unit for a scan: opens it, finds what is asked for in it, and makes of that what is to be made. */
import type { ColumnBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { type History, type HistoryQuery, openPayload, type OpenUnit, type Unit } from "../history/index.ts";
import type { DroppedDay, Place } from "../model/index.ts";
import { planOf, reduceAtOnce, type Reduced } from "../reduce/index.ts";
import type { Asking, UnitJob } from "./line.ts";
import { matchesIn, type ReadJob } from "./match.ts";
import type { PartSource } from "./parts.ts";
import type { PoolFound, ScanPool } from "./pool.ts";
import type { ScanStep } from "./report.ts";

export interface UnitRead {
  /** Numbers of the events that are asked for, ascending; none where `reduced` has them. */
  matches: readonly number[];
  /** Undefined where nothing matches, or `reduced` is there. Shared by all who read it: nobody may change its rows. */
  events: ColumnBlock | undefined;
  /** All that is asked for, where that is to be made into something and is not more than the events. */
  reduced: Reduced | undefined;
  /** Of the stored payload, where it was read. */
  bytes: number;
  /** True where another process was asked to read it, in vain. */
  isReturned: boolean;
  /** Milliseconds that steps took. */
  times: readonly (readonly [ScanStep, number])[];
}

/** What a scan needs of history. */
export interface ScanSource extends PartSource {
  /**
   * Throws a BlockError where the unit is damaged, a MovedError where others took its place, a RetryableError, and the signal's reason
   * where that ended it before it began.
   */
  read(unit: Unit, job: ReadJob, asking?: Asking): Promise<UnitRead>;
  /** Units that other processes would read meanwhile. */
  lendableMax?(): number;
  /** What retention has dropped of these times and hosts; asked when all was read. */
  dropped?(query: HistoryQuery): Promise<DroppedDay[]>;
}

type ScannedHistory = Pick<History, "begin" | "mayMatch" | "open" | "opened" | "keep" | "payloadOf"> &
  Partial<Pick<History, "dropped">>;

/** A unit of fewer events is opened and looked at sooner than a thread is told of it. */
const THREAD_EVENTS_MIN = 2048;

/** History as scans see it: small units are read in this thread, large ones by those of the pool, if there is one. */
export function scanSource(
  history: ScannedHistory,
  dayRange: (day: Place) => { startNano: bigint; endNano: bigint },
  pool?: ScanPool,
): ScanSource {
  return {
    begin: (query) => history.begin(query),
    dayRange,
    mayMatch: (unit, question) => history.mayMatch(unit, question),
    async read(unit, job, asking) {
      const isKnown = history.opened(unit) !== undefined;
      if (pool?.isReady !== true || isKnown || !isLarge(unit)) return await readHere(history, unit, job);
      return await readThere(history, pool, unit, job, asking);
    },
    lendableMax: () => pool?.lender?.unitsMax ?? 0,
    dropped: async (query) => (await history.dropped?.(query)) ?? [],
  };
}

/** A segment with many events; a block that stands by itself is none. */
function isLarge({ from, events }: Unit): boolean {
  return "entry" in from && from.entry.block === undefined && events >= THREAD_EVENTS_MIN;
}

async function readHere(history: ScannedHistory, unit: Unit, job: ReadJob): Promise<UnitRead> {
  const known = history.opened(unit);
  const startMs = performance.now();
  const { events } = known ?? (await opened(history, unit, job));
  const openedMs = performance.now();
  const matches = matchesIn(events, job, unit);
  const times = [
    ["open", openedMs - startMs],
    ["match", performance.now() - openedMs],
  ] as const;
  const bytes = known === undefined ? bytesOf(unit) : 0;
  const rest = { bytes, isReturned: false, times };
  if (matches.length === 0) return { matches, events: undefined, reduced: undefined, ...rest };
  const reduced = job.reduce && reduceAtOnce(events, matches, planOf(job.reduce));
  if (reduced !== undefined) return { matches: [], events: undefined, reduced, ...rest };
  return { matches, events, reduced, ...rest };
}

/** What is kept opened is what may be shown; of what is only counted, nothing. */
async function opened(history: ScannedHistory, unit: Unit, { reduce }: ReadJob): Promise<OpenUnit> {
  return reduce === undefined ? await history.open(unit) : openPayload(unit, await history.payloadOf(unit));
}

async function readThere(
  history: ScannedHistory,
  pool: ScanPool,
  unit: Unit,
  job: ReadJob,
  asking?: Asking,
): Promise<UnitRead> {
  const { filter, ...range } = job;
  const fetch = (): Promise<Uint8Array> => history.payloadOf(unit);
  const asked = { unit, filter: filter.text, ...range };
  let found = await pool.find(asked, fetch, asking);
  const times = timesOf(found);
  if (found.elsewhereMs !== undefined && found.matches.length > 0) {
    found = await openFound(pool, asked, fetch, found.matches, asking?.signal);
    times.push(...timesOf(found));
  }
  const { payload, reduced, isReturned } = found;
  const events = payload && openAgain(history, unit, payload);
  return { matches: Array.from(found.matches), events, reduced, bytes: bytesOf(unit), isReturned, times };
}

/** Another process found something in the unit that it could not send, so it must be opened here, too. */
async function openFound(
  pool: ScanPool,
  asked: UnitJob,
  fetch: () => Promise<Uint8Array>,
  matches: Uint32Array,
  signal?: AbortSignal,
): Promise<PoolFound> {
  const asking = { signal, isNext: true };
  // Which events match is known: who is asked for all of them does not look into any.
  const { unit } = asked;
  const whole = { unit, filter: "", startNano: unit.firstTimeNano, endNano: unit.lastTimeNano + 1n, only: undefined };
  return { ...(await pool.find(whole, fetch, asking)), matches };
}

function timesOf({ readMs, openMs, matchMs, elsewhereMs }: PoolFound): (readonly [ScanStep, number])[] {
  return [
    ["read", readMs],
    ["open", openMs],
    ["match", matchMs],
    ...(elsewhereMs === undefined ? [] : [["peer", elsewhereMs] as const]),
  ];
}

/** A thread has looked at its hash and decompressed it. */
function openAgain(
  history: ScannedHistory,
  unit: Unit,
  { bytes, content }: { bytes: Uint8Array; content: Uint8Array },
): ColumnBlock {
  const opened = openPayload(unit, bytes, { ...nodePrimitives, decompress: () => content }, "checked");
  history.keep(unit, opened);
  return opened.events;
}

/** Of its payload, as it is stored. */
export function bytesOf({ from }: Unit): number {
  return "entry" in from ? from.entry.bytes : from.arrival.bytes.length;
}
