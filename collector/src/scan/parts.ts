/** Which parts of history are looked at: each unit that may have events of the time range, with the times that are this part's own. */
import type { SieveAnswers } from "@hosttrail/lib/predicate";
import type { HistoryQuery, Reading, Unit } from "../history/index.ts";
import { OUTSIDE, type Place } from "../model/index.ts";

/** By the time at which events happened. */
export type Order = "ascending" | "descending";

/** What a sieve is asked: a filter, or what rules ask. */
export interface SieveQuestion {
  mayMatch(sieve: SieveAnswers): boolean;
}

/** What planning needs of history. */
export interface PartSource {
  begin(query: HistoryQuery): Promise<Reading>;
  dayRange(day: Place): { startNano: bigint; endNano: bigint };
  mayMatch(unit: Unit, question: SieveQuestion): Promise<boolean>;
}

export interface PartsQuery extends HistoryQuery {
  /** Undefined where every unit is to be opened. */
  sieve: SieveQuestion | undefined;
  signal: AbortSignal;
  /** Default: descending. */
  order?: Order;
  /** Told of units when they are known, before any of them comes. */
  known?: (units: readonly Unit[]) => void;
}

/** A unit, and the times (start inclusive, end exclusive) of which its events belong to this part. */
export interface Part {
  unit: Unit;
  startNano: bigint;
  endNano: bigint;
  /** False where its sieve says that nothing in it can match. */
  isWanted: boolean;
  /** Descending: neither this part nor one after it has an event that is later. Ascending: none that is earlier. */
  edgeNano: bigint;
}

/** More blocks came in the same moment than are read at once. */
export class ScanTooWideError extends Error {
  override readonly name = "ScanTooWideError";
}

/** Sieves that are asked for at once: few at first, since the first answer is often enough. */
const SIEVES_AT_FIRST = 16;
const SIEVES_AT_ONCE = 128;

interface Window {
  reading: Reading;
  startNano: bigint;
  endNano: bigint;
}

/**
 * Every event of the query is in just one part. Parts come by the ends of their units, the latest first, or by their beginnings, the
 * earliest first. Where so much has arrived that it is not read at once, the range is read in windows.
 */
export async function* partsOf(source: PartSource, query: PartsQuery): AsyncGenerator<Part, void, undefined> {
  if (query.hosts?.size === 0) return;
  const order = query.order ?? "descending";
  const sieve = query.sieve !== undefined && mayPrune(query.sieve) ? query.sieve : undefined;
  for await (const window of order === "descending" ? latestFirst(source, query) : earliestFirst(source, query)) {
    const { startNano, endNano } = window;
    for await (const units of unitsOf(source, window, order)) {
      query.known?.(units);
      for await (const { unit, isWanted } of judged(source, units, { ...query, sieve })) {
        const edgeNano =
          order === "descending" ? least(unit.lastTimeNano, endNano - 1n) : most(unit.firstTimeNano, startNano);
        yield { unit, isWanted, startNano, endNano, edgeNano };
      }
      if (query.signal.aborted) return;
    }
  }
}

/** A sieve of nothing at all: it can tell of any three characters that they are not there. */
const NOTHING: SieveAnswers = { mayHaveTerm: () => false, mayHavePart: (_, part) => part.length < 3 };

/** False where no sieve could rule anything out, so that none needs to be read. */
function mayPrune(question: SieveQuestion): boolean {
  return !question.mayMatch(NOTHING);
}

function tooWide(): ScanTooWideError {
  return new ScanTooWideError("too many blocks came in the same moment; ask for fewer hosts");
}

async function* latestFirst(source: PartSource, query: PartsQuery): AsyncGenerator<Window, void, undefined> {
  const { hosts, startNano, signal } = query;
  for (let { endNano } = query; endNano > startNano && !signal.aborted; ) {
    const reading = await source.begin({ hosts, startNano, endNano });
    const floor = reading.floorNano;
    if (floor !== undefined && floor >= endNano - 1n) throw tooWide();
    // What ends at the floor or before may not be there yet.
    const from = floor === undefined || floor < startNano ? startNano : floor + 1n;
    yield { reading, startNano: from, endNano };
    endNano = from;
  }
}

/** What arrived is read from its end: where it is too much for once, ever earlier ends are tried, and are gone back to later. */
async function* earliestFirst(source: PartSource, query: PartsQuery): AsyncGenerator<Window, void, undefined> {
  const { hosts, signal } = query;
  const ends = [query.endNano];
  for (let { startNano } = query; !signal.aborted; ) {
    const endNano = ends.at(-1);
    if (endNano === undefined) return;
    if (endNano <= startNano) {
      ends.pop();
      continue;
    }
    const reading = await source.begin({ hosts, startNano, endNano });
    const floor = reading.floorNano;
    if (floor !== undefined && floor >= endNano - 1n) throw tooWide();
    if (floor !== undefined && floor >= startNano) {
      ends.push(floor + 1n);
      continue;
    }
    yield { reading, startNano, endNano };
    startNano = endNano;
    ends.pop();
  }
}

/** Units in their order, a day at a time. What is of no day lies beside all of them, and comes where its times are. */
async function* unitsOf(
  source: PartSource,
  { reading, startNano, endNano }: Window,
  order: Order,
): AsyncGenerator<Unit[], void, undefined> {
  const isWithin = ({ firstTimeNano, lastTimeNano }: Unit): boolean =>
    lastTimeNano >= startNano && firstTimeNano < endNano;
  const compare = order === "descending" ? byEnd : byBeginning;
  let outside = (await reading.units(OUTSIDE)).filter(isWithin).sort(compare);
  const days = reading.days.filter((day) => {
    const range = source.dayRange(day);
    return range.startNano < endNano && range.endNano > startNano;
  });
  for (const day of order === "descending" ? days : days.toReversed()) {
    const range = source.dayRange(day);
    const isBefore =
      order === "descending"
        ? ({ lastTimeNano }: Unit) => lastTimeNano >= range.startNano
        : ({ firstTimeNano }: Unit) => firstTimeNano < range.endNano;
    const some = outside.filter(isBefore);
    outside = outside.slice(some.length);
    yield [...some, ...(await reading.units(day)).filter(isWithin)].sort(compare);
  }
  yield outside;
}

function byEnd(a: Unit, b: Unit): number {
  if (a.lastTimeNano !== b.lastTimeNano) return a.lastTimeNano > b.lastTimeNano ? -1 : 1;
  return a.id === b.id ? 0 : a.id > b.id ? -1 : 1;
}

function byBeginning(a: Unit, b: Unit): number {
  if (a.firstTimeNano !== b.firstTimeNano) return a.firstTimeNano < b.firstTimeNano ? -1 : 1;
  return a.id === b.id ? 0 : a.id < b.id ? -1 : 1;
}

async function* judged(
  source: Pick<PartSource, "mayMatch">,
  units: readonly Unit[],
  { sieve, signal }: PartsQuery,
): AsyncGenerator<{ unit: Unit; isWanted: boolean }, void, undefined> {
  let count = SIEVES_AT_FIRST;
  for (let at = 0; at < units.length && !signal.aborted; ) {
    const some = units.slice(at, at + count);
    const wanted = await Promise.all(
      some.map(async (unit) => sieve === undefined || (await source.mayMatch(unit, sieve))),
    );
    for (const [index, unit] of some.entries()) yield { unit, isWanted: wanted[index] ?? true };
    at += count;
    count = Math.min(count * 2, SIEVES_AT_ONCE);
  }
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function most(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
