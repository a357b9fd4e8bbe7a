/**
 * How many notifications go out by a route, and what is said of the others. All processes change one state, so that a limit holds for all of
 * them together, and what was held back is not forgotten when one of them dies.
 */
import type { RouteState } from "@hosttrail/proto/notify";
import { type HeldBack, SEVERITIES, type SeverityName } from "./notice.ts";

export interface Rate {
  perMinute: number;
  burst: number;
}

const MINUTE_MS = 60_000;

/** Takes one of the notifications that may go out now; false where there is none left. */
export function takeToken(state: RouteState, { perMinute, burst }: Rate, nowMs: number): boolean {
  const isNew = state.tokensUnixMilli === 0n;
  // A clock that was put back gives nothing for free.
  const passedMs = Math.max(nowMs - Number(state.tokensUnixMilli), 0);
  const tokens = isNew ? burst : Math.min(state.tokens + (passedMs * perMinute) / MINUTE_MS, burst);
  state.tokensUnixMilli = BigInt(nowMs);
  state.tokens = tokens >= 1 ? tokens - 1 : tokens;
  return tokens >= 1;
}

/** Counts one that is not told by itself. */
export function holdBack(state: RouteState, severity: SeverityName, nowMs: number): void {
  if (heldBackOf(state) === undefined) state.heldSinceUnixMilli = BigInt(nowMs);
  const place = SEVERITIES.indexOf(severity) + 1;
  while (state.held.length <= SEVERITIES.length) state.held.push(0n);
  state.held[place] = (state.held[place] ?? 0n) + 1n;
  state.heldUnixMilli = BigInt(nowMs);
}

/** What the target was not told of; undefined where there is nothing. */
export function heldBackOf(state: RouteState): HeldBack | undefined {
  const bySeverity: HeldBack["bySeverity"] = {};
  let count = 0;
  for (const [at, name] of SEVERITIES.entries()) {
    const held = Number((state.held[at + 1] ?? 0n) - (state.told[at + 1] ?? 0n));
    if (held <= 0) continue;
    bySeverity[name] = held;
    count += held;
  }
  return count === 0 ? undefined : { count, bySeverity, sinceMs: Number(state.heldSinceUnixMilli) };
}

/** The target was told of what was held back up to these counts; what came meanwhile remains. */
export function markTold(state: RouteState, upTo: readonly bigint[], sinceMs: number): void {
  state.told = Array.from({ length: Math.max(upTo.length, state.told.length) }, (_, at) => {
    const [told = 0n, now = 0n] = [state.told[at], upTo[at]];
    return told > now ? told : now;
  });
  if (heldBackOf(state) !== undefined) state.heldSinceUnixMilli = BigInt(sinceMs);
}

export function heldTotal({ held }: RouteState): bigint {
  return held.reduce((sum, count) => sum + count, 0n);
}

/** When a notification of this age is tried again: about twice as old, within bounds, and never sooner than the target asks for. */
export function retryDelayMs(
  { firstMs, longestMs }: { firstMs: number; longestMs: number },
  ageMs: number,
  retryAfterMs: number,
  random: number,
): number {
  const wanted = Math.min(Math.max(ageMs, firstMs), longestMs);
  return Math.ceil(Math.max(wanted * (0.75 + random / 2), retryAfterMs));
}
