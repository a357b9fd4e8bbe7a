/** Ranges of time as a link holds them: "1h" back from now, or from and to moments. */
import { msOf, rfcOf, timeText, zone } from "./zone.ts";

/** `from` and `to` as a link has them: a duration before now, or RFC 3339. Empty: all that is kept, up to now. */
export interface Range {
  from: string;
  to: string;
}

/** What of it a request has. */
export interface AskedRange {
  startTime?: string | undefined;
  endTime?: string | undefined;
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** "90s", "15m", "2h", "7d" and "4w" as milliseconds. */
export function readDuration(text: string): number | undefined {
  const match = /^(\d{1,6})([smhdw])$/.exec(text.trim());
  const ms = match === null ? Number.NaN : Number(match[1]) * (UNITS[match[2] ?? ""] ?? Number.NaN);
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

/**
 * A moment as people type it: "2h" before now, "2026-01-31", "2026-01-31 12:00", RFC 3339, "now". What names no zone is in the one that was
 * chosen. Gives what a link holds: a duration, or RFC 3339; undefined where it is no time.
 */
export function readMoment(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed === "now") return "";
  if (readDuration(trimmed) !== undefined) return trimmed;
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?))?\s*(Z|UTC|[+-]\d{2}:\d{2})?$/i.exec(
    trimmed,
  );
  if (match === null) return undefined;
  const [, day = "", clock = "00:00", named] = match;
  const suffix = named === undefined ? (zone.value === "utc" ? "Z" : "") : named.toUpperCase().replace("UTC", "Z");
  const ms = Date.parse(`${day}T${clock}${suffix}`);
  // 31 February would become a day of March.
  if (Number.isNaN(ms) || new Date(Date.parse(`${day}T00:00Z`)).toISOString().slice(0, 10) !== day) return undefined;
  return rfcOf(ms);
}

/** Milliseconds since 1970 of what a link holds. */
export function momentMs(text: string, nowMs: number): number | undefined {
  const ago = readDuration(text);
  return ago === undefined ? msOf(text) : nowMs - ago;
}

/** Of a request, at this moment. */
export function askedRange({ from, to }: Range, nowMs: number): AskedRange {
  const [start, end] = [momentMs(from, nowMs), momentMs(to, nowMs)];
  return {
    ...(start !== undefined && { startTime: rfcOf(start) }),
    ...(end !== undefined && { endTime: rfcOf(end) }),
  };
}

/** "last 24 h", or from and to. */
export function rangeText({ from, to }: Range): string {
  const shown = (moment: string): string => {
    const ms = msOf(moment);
    return ms === undefined ? `${moment} ago` : timeText(ms, "second");
  };
  if (from === "") return to === "" ? "all that is kept" : `until ${shown(to)}`;
  if (to === "") return readDuration(from) === undefined ? `since ${shown(from)}` : `last ${from}`;
  return `${shown(from)} – ${shown(to)}`;
}

const WIDTHS = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000];

/** Seconds of a histogram's buckets, so that a range has at most so many of them. */
export function bucketSeconds(rangeMs: number, bucketsMax: number): number {
  const least = rangeMs / 1000 / bucketsMax;
  return WIDTHS.find((width) => width >= least) ?? Math.ceil(least / 2_592_000) * 2_592_000;
}
