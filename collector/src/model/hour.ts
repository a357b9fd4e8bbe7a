/** Hours of events, as catalogs count them. */

const HOUR_NANO = 3_600_000_000_000n;
/** Hours that one entry tells of, at most: a day, and what clocks that were set add to it. */
export const HOUR_EVENTS_MAX = 48;

/** Number of the hour since 1970, UTC, that a time in nanoseconds is in. */
export function hourNumberOf(timeNano: bigint): number {
  const quotient = timeNano / HOUR_NANO;
  // Division goes towards 0, and hours of before 1970 as well begin at their start.
  return Number(timeNano < 0n && quotient * HOUR_NANO !== timeNano ? quotient - 1n : quotient);
}
