/**
 * Times as two numbers: exact to the nanosecond, and compared without big integers, of which each comparison and each difference
 * would cost more than all the rest that is done for an event. In seconds, and not in milliseconds, since V8 keeps numbers of 32 bits
 * in the object itself and others elsewhere.
 */
export interface Moment {
  /** Whole seconds since 1970, rounded down. */
  readonly seconds: number;
  /** Nanoseconds beyond, 0 to 999,999,999. */
  readonly nanos: number;
}

const NANOS_PER_SECOND = 1_000_000_000n;
const NANO_MAX = 0x7fff_ffff_ffff_ffffn;

/** Before everything. */
export const NEVER: Moment = { seconds: Number.NEGATIVE_INFINITY, nanos: 0 };

/** True of what a 64-bit count of nanoseconds can say: years 1677 to 2262. */
export function isNano(nano: bigint): boolean {
  return nano <= NANO_MAX && nano >= -NANO_MAX;
}

export function momentOf(nano: bigint): Moment {
  const seconds = Number(nano / NANOS_PER_SECOND);
  const nanos = Number(nano % NANOS_PER_SECOND);
  return nanos < 0 ? { seconds: seconds - 1, nanos: nanos + 1_000_000_000 } : { seconds, nanos };
}

/** Not of NEVER. */
export function nanoOf({ seconds, nanos }: Moment): bigint {
  return BigInt(seconds) * NANOS_PER_SECOND + BigInt(nanos);
}

export function compareMoments(a: Moment, b: Moment): number {
  // The difference of two NEVERs is no number, which is falsy, too.
  return a.seconds - b.seconds || a.nanos - b.nanos;
}

/** By whole seconds, of which all timespans are. */
export function moved({ seconds, nanos }: Moment, bySeconds: number): Moment {
  return { seconds: seconds + bySeconds, nanos };
}

export function later(a: Moment, b: Moment): Moment {
  return compareMoments(a, b) >= 0 ? a : b;
}

export function earlier(a: Moment, b: Moment): Moment {
  return compareMoments(a, b) <= 0 ? a : b;
}

/** Whether a moment is in the window of this length that ends at `end`; its beginning is not part of a window. */
export function isInWindow(moment: Moment, end: Moment, spanS: number): boolean {
  const difference = moment.seconds - (end.seconds - spanS);
  return difference > 0 || (difference === 0 && moment.nanos > end.nanos);
}

/** Whether the windows of this length that end at the two overlap, or touch. */
export function isTouching(former: Moment, latter: Moment, spanS: number): boolean {
  const difference = latter.seconds - spanS - former.seconds;
  return difference < 0 || (difference === 0 && latter.nanos <= former.nanos);
}
