/** UTC days as places are named by them. */
import type { Place } from "../model/index.ts";

export const DAY_MS = 86_400_000;
const PLACE = /^(\d{4})(\d{2})(\d{2})$/;

/** True for "YYYYMMDD" of a day that there is. */
export function isDay(text: string): boolean {
  const startMs = startOf(text);
  return !Number.isNaN(startMs) && new Date(startMs).toISOString().slice(0, 10).replaceAll("-", "") === text;
}

/** When the day is over, milliseconds since 1970; NaN for what is no day. */
export function endOf(place: Place): number {
  return startOf(place) + DAY_MS;
}

function startOf(place: Place): number {
  const [, year, month, day] = PLACE.exec(place) ?? [];
  return Date.parse(`${year}-${month}-${day}T00:00:00Z`);
}
