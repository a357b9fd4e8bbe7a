/** How many events each hour has. Pure. */
import { HOUR_EVENTS_MAX, hourNumberOf } from "../model/index.ts";

/**
 * Events of each hour, from that of `firstNano` on to that of `lastNano`; they are as many as the times, since one that lies outside of these
 * counts to the nearest. Undefined where one hour has all of them, and where the two are too far from each other to be told of.
 */
export function hourEventsOf(timesNano: BigInt64Array, firstNano: bigint, lastNano: bigint): number[] | undefined {
  const first = hourNumberOf(firstNano);
  const hours = hourNumberOf(lastNano) - first + 1;
  if (hours < 2 || hours > HOUR_EVENTS_MAX) return undefined;
  const counts = new Array<number>(hours).fill(0);
  for (const timeNano of timesNano) {
    const at = Math.min(hours - 1, Math.max(0, hourNumberOf(timeNano) - first));
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
}
