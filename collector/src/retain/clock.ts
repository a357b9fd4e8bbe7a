/** Whether the clock can be believed, by what was stored. Pure. */

const HOUR_MS = 3_600_000;

/**
 * What is wrong with the time; undefined where nothing is. A clock that is far ahead would make everything old: so there must be an event
 * of a host that is about as new. Where no host sends anything, nothing gets old either.
 */
export function clockTrouble(newestEventMs: number, nowMs: number, gapMs: number): string | undefined {
  const gap = nowMs - newestEventMs;
  if (Math.abs(gap) <= gapMs) return undefined;
  const [now, newest] = [nowMs, newestEventMs].map((timeMs) => new Date(timeMs).toISOString());
  const allowed = `at most ${gapMs / HOUR_MS} h may lie between (retention.clock_gap_hours)`;
  return `it is ${now} by this clock, and the newest event of any host is of ${newest}; ${allowed}`;
}
