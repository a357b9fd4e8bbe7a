/** Times on the command line: absolute ones, how long ago, and the words that people know from ausearch. */
import type { Timestamp } from "@hosttrail/proto/timestamp";
import { localMoment, type Moment, zonedMs } from "./zone.ts";

const UNITS: readonly (readonly [RegExp, number])[] = [
  [/^(?:s|sec|secs|second|seconds)$/, 1],
  [/^(?:m|min|mins|minute|minutes)$/, 60],
  [/^(?:h|hour|hours)$/, 3600],
  [/^(?:d|day|days)$/, 86_400],
  [/^(?:w|week|weeks)$/, 604_800],
];

/** Moments by their word, as ausearch(8) has them; each is the start of what it names. */
const WORDS: Readonly<Record<string, (nowMs: number) => number>> = {
  now: (nowMs) => nowMs,
  recent: (nowMs) => nowMs - 600_000,
  "this-hour": (nowMs) => new Date(nowMs).setMinutes(0, 0, 0),
  today: (nowMs) => midnight(nowMs),
  yesterday: (nowMs) => daysFrom(midnight(nowMs), -1),
  // Weeks begin on Sunday there.
  "this-week": (nowMs) => daysFrom(midnight(nowMs), -new Date(nowMs).getDay()),
  "week-ago": (nowMs) => daysFrom(midnight(nowMs), -7),
  "this-month": (nowMs) => new Date(midnight(nowMs)).setDate(1),
  "this-year": (nowMs) => new Date(midnight(nowMs)).setMonth(0, 1),
};

/** The word for the host's last start, which only the collector knows. */
export const BOOT = "boot";

/** All words that stand for times. */
export const TIME_WORDS: readonly string[] = [...Object.keys(WORDS), BOOT];

function midnight(ms: number): number {
  return new Date(ms).setHours(0, 0, 0, 0);
}

/** By the calendar, since days have 23 and 25 hours, too. */
function daysFrom(ms: number, days: number): number {
  const date = new Date(ms);
  return date.setDate(date.getDate() + days);
}

const ALLOWED = `allowed are 90s, 15m, 2h, 7d, "2h ago", 2026-01-31, "2026-01-31 12:00", 2026-01-31T12:00:00Z, 12:00, @1769860800 and ${TIME_WORDS.join(", ")}`;

/** Nothing that is stored is farther from 1970. */
const SECONDS_MAX = 253_402_300_799;

/**
 * The moment that a text stands for; BOOT where only the collector can tell. What names no zone is in the one of the process. Throws where it
 * is no time, or one that the zone's clocks left out.
 */
export function readTime(text: string, nowMs: number): Timestamp | typeof BOOT {
  const trimmed = text.trim();
  if (trimmed === BOOT) return BOOT;
  const word = Object.hasOwn(WORDS, trimmed) ? WORDS[trimmed] : undefined;
  if (word !== undefined) return fromMs(word(nowMs));
  const ago = secondsOf(trimmed.replace(/^-(?=\d)/, "").replace(/\s+ago$/, ""));
  if (ago !== undefined) return fromMs(nowMs - ago * 1000);
  const absolute = absoluteTime(trimmed, nowMs);
  if (absolute === undefined) throw new Error(`"${text}" is no time; ${ALLOWED}`);
  return absolute;
}

/** The same, where no host is known whose start could be meant. */
export function parseTime(text: string, nowMs: number): Timestamp {
  const time = readTime(text, nowMs);
  if (time === BOOT) throw new Error(`"${text}" is the start of a host, which must be one: give --host`);
  return time;
}

/** "90s", "15m", "2h", "7d" as seconds. Throws where it is none. */
export function parseDuration(option: string, text: string): number {
  const seconds = secondsOf(text.trim());
  if (seconds === undefined) throw new Error(`${option} is "${text}"; allowed are 90s, 15m, 2h, 7d, 1h30m`);
  return seconds;
}

const SIZES: readonly (readonly [string, bigint])[] = [
  ["d", 86_400n],
  ["h", 3600n],
  ["m", 60n],
];

/** Whole seconds as people say --last: in the largest unit of which it is whole. */
export function durationText(seconds: bigint): string {
  const [unit, size] = SIZES.find(([, each]) => seconds % each === 0n) ?? ["s", 1n];
  return `${seconds / size}${unit}`;
}

/** "1h30m", "2 hours". */
function secondsOf(text: string): number | undefined {
  if (!/^(?:\d{1,9}\s*[a-z]+\s*)+$/.test(text)) return undefined;
  let seconds = 0;
  for (const [, count, unit = ""] of text.matchAll(/(\d{1,9})\s*([a-z]+)/g)) {
    const size = UNITS.find(([names]) => names.test(unit))?.[1];
    if (size === undefined) return undefined;
    seconds += Number(count) * size;
  }
  return seconds <= SECONDS_MAX ? seconds : undefined;
}

const DATE = String.raw`(?<date>\d{4}-\d{2}-\d{2})`;
const CLOCK = String.raw`(?<clock>\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)`;
const ZONE = String.raw`(?<zone>Z|[+-]\d{2}:?\d{2}|[A-Z][A-Za-z_]+(?:\/[A-Za-z0-9_+-]+)*)`;
const ABSOLUTE = new RegExp(String.raw`^(?:${DATE}(?:[T ]+${CLOCK})?)(?:\s*${ZONE})?$`, "i");
const CLOCK_ALONE = new RegExp(String.raw`^${CLOCK}(?:\s*${ZONE})?$`, "i");

function absoluteTime(text: string, nowMs: number): Timestamp | undefined {
  const epoch = /^@(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text);
  if (epoch !== null) {
    const seconds = Number(epoch[1]);
    return seconds > SECONDS_MAX ? undefined : { seconds: BigInt(seconds), nanos: nanosOf(epoch[2] ?? "") };
  }
  const groups = (ABSOLUTE.exec(text) ?? CLOCK_ALONE.exec(text))?.groups;
  if (groups === undefined) return undefined;
  const { clock = "00:00", zone } = groups;
  const date = groups["date"] ?? dateOf(nowMs, zone);
  const [year = 0, month = 0, day = 0] = date.split("-").map(Number);
  const [hour = "", minute = "", second = "0"] = clock.split(":");
  const [whole = "0", fraction = ""] = second.split(".");
  const moment: Moment = { year, month, day, hour: Number(hour), minute: Number(minute), second: Number(whole) };
  const { seconds } = fromMs(zonedMs(moment, zone, text));
  return { seconds, nanos: nanosOf(fraction) };
}

/** Today's date, there. */
function dateOf(nowMs: number, zone: string | undefined): string {
  const { year, month, day } = localMoment(nowMs, zone);
  return [String(year).padStart(4, "0"), ...[month, day].map((part) => String(part).padStart(2, "0"))].join("-");
}

function nanosOf(fraction: string): number {
  return Number(fraction.padEnd(9, "0"));
}

function fromMs(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) };
}
