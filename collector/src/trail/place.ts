/** Where a block is kept. A host whose clock is wrong must not make a collection for each day that it thinks of. */
import { OUTSIDE, type Place } from "../model/index.ts";

const NANOS_OF_MS = 1_000_000n;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export interface PlaceOptions {
  /** Days before its arrival that an event may have happened. */
  daysBackMax: number;
  /** Hours after its arrival that an event may have happened, by the host's clock. */
  hoursAheadMax: number;
}

/** The UTC day of a block's events, where they are of one day and of a time that can be; agents cut their blocks at midnight. */
export function placeOf(
  times: { firstTimeNano: bigint; lastTimeNano: bigint; receivedMs: number },
  { daysBackMax, hoursAheadMax }: PlaceOptions,
): Place {
  const firstMs = times.firstTimeNano / NANOS_OF_MS;
  const lastMs = times.lastTimeNano / NANOS_OF_MS;
  const oldest = BigInt(times.receivedMs - daysBackMax * DAY_MS);
  const newest = BigInt(times.receivedMs + hoursAheadMax * HOUR_MS);
  if (times.firstTimeNano < 0n || firstMs < oldest || lastMs > newest) return OUTSIDE;
  const day = dayOf(Number(firstMs));
  return day === dayOf(Number(lastMs)) ? day : OUTSIDE;
}

/** Milliseconds that a Date can hold. */
const DATE_MS_MAX = 8_640_000_000_000_000n;

/** Where a block may lie that was written before: its place depends on when it arrived. */
export function placesOf({ place, firstTimeNano }: { place: Place; firstTimeNano: bigint }): Place[] {
  const firstMs = firstTimeNano / NANOS_OF_MS;
  const day = firstMs >= 0n && firstMs <= DATE_MS_MAX ? [dayOf(Number(firstMs))] : [];
  return [...new Set([place, OUTSIDE, ...day])];
}

let lastDay = { number: Number.NaN, name: "" };

/** UTC day of a time, "YYYYMMDD". */
export function dayOf(timeMs: number): string {
  // Nearly always the same one as before.
  const number = Math.floor(timeMs / DAY_MS);
  if (number !== lastDay.number) {
    lastDay = { number, name: new Date(timeMs).toISOString().slice(0, 10).replaceAll("-", "") };
  }
  return lastDay.name;
}
