/** Which parts of history a hunt looks at: each unit that may have events of the time range, with the times that are this part's own. */
import type { SieveQuestion } from "@hosttrail/lib/detect";
import type { HistoryQuery, OpenUnit, Reading, Unit } from "../history/index.ts";
import { OUTSIDE, type Place } from "../model/index.ts";

/** What a hunt needs of history. */
export interface HuntSource {
  begin(query: HistoryQuery): Promise<Reading>;
  dayRange(day: Place): { startNano: bigint; endNano: bigint };
  mayMatch(unit: Unit, question: SieveQuestion): Promise<boolean>;
  open(unit: Unit): Promise<OpenUnit>;
}

export interface PartsQuery extends HistoryQuery {
  /** Undefined where every unit is to be opened. */
  sieve: SieveQuestion | undefined;
  signal: AbortSignal;
}

/** A unit, and the times (start inclusive, end exclusive) of which its events belong to this part. */
export interface Part {
  unit: Unit;
  startNano: bigint;
  endNano: bigint;
  /** False where its sieve says that nothing in it can match. */
  isWanted: boolean;
}

/** More blocks came in the same moment than are read at once. */
export class HuntTooWideError extends Error {
  override readonly name = "HuntTooWideError";
}

/** Sieves that are asked for at once. */
const SIEVES_AT_ONCE = 16;

/**
 * Every event of the query is in just one part. Where so much has arrived that it is not read at once, what is later comes first, and the
 * rest is read with what is before that time.
 */
export async function* partsOf(
  source: Omit<HuntSource, "open">,
  query: PartsQuery,
): AsyncGenerator<Part, void, undefined> {
  if (query.hosts?.size === 0) return;
  const { hosts, startNano, signal } = query;
  for (let { endNano } = query; endNano > startNano && !signal.aborted; ) {
    const reading = await source.begin({ hosts, startNano, endNano });
    const floor = reading.floorNano;
    if (floor !== undefined && floor >= endNano - 1n)
      throw new HuntTooWideError("too many blocks came in the same moment; ask for fewer hosts");
    // What ends at the floor or before may not be there yet.
    const from = floor === undefined || floor < startNano ? startNano : floor + 1n;
    for (const place of placesOf(source, reading, { startNano: from, endNano })) {
      const units = (await reading.units(place)).filter(({ lastTimeNano }) => lastTimeNano >= from);
      for await (const { unit, isWanted } of judged(source, units, query))
        yield { unit, isWanted, startNano: from, endNano };
      if (signal.aborted) return;
    }
    endNano = from;
  }
}

function placesOf(
  source: Pick<HuntSource, "dayRange">,
  reading: Reading,
  range: { startNano: bigint; endNano: bigint },
): Place[] {
  const days = reading.days.filter((day) => {
    const { startNano, endNano } = source.dayRange(day);
    return startNano < range.endNano && endNano > range.startNano;
  });
  return [OUTSIDE, ...days];
}

async function* judged(
  source: Pick<HuntSource, "mayMatch">,
  units: readonly Unit[],
  { sieve, signal }: PartsQuery,
): AsyncGenerator<{ unit: Unit; isWanted: boolean }, void, undefined> {
  for (let at = 0; at < units.length && !signal.aborted; at += SIEVES_AT_ONCE) {
    const some = units.slice(at, at + SIEVES_AT_ONCE);
    const wanted = await Promise.all(
      some.map(async (unit) => sieve === undefined || (await source.mayMatch(unit, sieve))),
    );
    for (const [index, unit] of some.entries()) yield { unit, isWanted: wanted[index] ?? true };
  }
}
