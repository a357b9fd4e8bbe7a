/** The hours of a host's day, by what its catalog says. Pure. */
import { type CatalogEntry, hourNumberOf, type Place } from "../model/index.ts";

const DAY_HOURS = 24;
const HOUR_MS = 3_600_000;

type Told = Pick<CatalogEntry, "firstTimeNano" | "lastTimeNano" | "events" | "hourEvents">;

/**
 * Events of each of the day's 24 hours; undefined where one of the entries does not tell. An event of another day, which a block has where a
 * clock was set, counts to the day's nearest hour: so the hours are as many as the day's events.
 */
export function dayHoursOf(place: Place, entries: readonly Told[]): number[] | undefined {
  const startHour = Date.UTC(+place.slice(0, 4), +place.slice(4, 6) - 1, +place.slice(6)) / HOUR_MS;
  const hours = new Array<number>(DAY_HOURS).fill(0);
  for (const entry of entries) {
    const counts = countsOf(entry);
    if (counts === undefined) return undefined;
    const first = hourNumberOf(entry.firstTimeNano) - startHour;
    for (const [at, events] of counts.entries()) {
      const hour = Math.min(DAY_HOURS - 1, Math.max(0, first + at));
      hours[hour] = (hours[hour] ?? 0) + events;
    }
  }
  return hours;
}

/** From the hour of the first time on; undefined where they are not told, or cannot be right. */
function countsOf({ firstTimeNano, lastTimeNano, events, hourEvents }: Told): readonly number[] | undefined {
  const hours = hourNumberOf(lastTimeNano) - hourNumberOf(firstTimeNano) + 1;
  if (hours === 1) return [events];
  const isWhole = hourEvents?.length === hours && hourEvents.reduce((sum, count) => sum + count, 0) === events;
  return isWhole ? hourEvents : undefined;
}
