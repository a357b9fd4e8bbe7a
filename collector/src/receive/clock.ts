/** Whether a host's clock is right, by what it says when it says hello. */
import type { Timestamp } from "@hosttrail/proto/timestamp";

/** The host's clock minus ours, milliseconds; undefined where the host does not tell. Includes the way of the hello. */
export function clockOffsetMs(told: Timestamp | undefined, nowMs: number): number | undefined {
  if (told === undefined) return undefined;
  const toldMs = Number(told.seconds) * 1000 + told.nanos / 1e6;
  // A clock that is off by more than a Date can hold is off by that much.
  return Math.max(-OFFSET_MAX_MS, Math.min(OFFSET_MAX_MS, Math.round(toldMs - nowMs)));
}

const OFFSET_MAX_MS = 8_640_000_000_000_000;
