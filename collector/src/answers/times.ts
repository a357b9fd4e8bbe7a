/** Times of the API: nanoseconds since 1970 inside, Timestamps outside. */
import type { Timestamp } from "@hosttrail/proto/timestamp";

export const SECOND_NANO = 1_000_000_000n;

/** Also of times before 1970: nanos are never negative. */
export function timestampOf(timeNano: bigint): Timestamp {
  const nanos = ((timeNano % SECOND_NANO) + SECOND_NANO) % SECOND_NANO;
  return { seconds: (timeNano - nanos) / SECOND_NANO, nanos: Number(nanos) };
}

export function leastOf(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

export function mostOf(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
