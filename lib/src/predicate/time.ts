/** Times in filters: RFC 3339, to the nanosecond. */

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const NANO_OF_MS = 1_000_000n;
const MINUTE_MS = 60_000;

/** Nanoseconds since 1970 of a time with its offset from UTC; undefined where the text is none, as for February 30th. */
export function readTime(text: string): bigint | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const [, , , , , , , fraction = "", sign = "+", offsetHours = "0", offsetMinutes = "0"] = match;
  // A leap second is the first one of the next minute.
  if (hour > 23 || minute > 59 || second > 60 || Number(offsetHours) > 23 || Number(offsetMinutes) > 59)
    return undefined;
  const date = new Date(Date.UTC(2000, month - 1, day));
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * (sign === "-" ? -1 : 1);
  const ms = date.getTime() + (hour * 60 + minute - offset) * MINUTE_MS + second * 1000;
  return BigInt(ms) * NANO_OF_MS + BigInt(fraction.padEnd(9, "0"));
}

/** A time in UTC, to the nanosecond. */
export function timeText(nanos: bigint): string {
  const within = ((nanos % NANO_OF_MS) + NANO_OF_MS) % NANO_OF_MS;
  const date = new Date(Number((nanos - within) / NANO_OF_MS));
  return `${date.toISOString().slice(0, -1)}${String(within).padStart(6, "0")}Z`;
}

/** Seconds as AIP-160 writes a duration, in nanoseconds: `20s`, `1.5s`; undefined where the text is none. */
export function readDuration(text: string): bigint | undefined {
  const [, sign = "", seconds, fraction = ""] = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(text) ?? [];
  if (seconds === undefined) return undefined;
  const nanos = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
  return sign === "-" ? -nanos : nanos;
}
