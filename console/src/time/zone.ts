/** Times as people read them: in UTC or by the clock of this browser, as they chose, and always with the zone beside them. */
import { type Signal, signal } from "@preact/signals";

export type Zone = "utc" | "local";

const KEY = "hosttrail.zone";

export const zone: Signal<Zone> = signal(kept());

function kept(): Zone {
  return typeof localStorage !== "undefined" && localStorage.getItem(KEY) === "local" ? "local" : "utc";
}

export function setZone(value: Zone): void {
  localStorage.setItem(KEY, value);
  zone.value = value;
}

/** "UTC", or the browser's own zone. */
export function zoneName(): string {
  return zone.value === "utc" ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Milliseconds since 1970 of RFC 3339; undefined where it is none. */
export function msOf(time: string | undefined): number | undefined {
  const ms = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(ms) ? undefined : ms;
}

/** RFC 3339 of milliseconds. */
export function rfcOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** Milliseconds of nanoseconds since 1970 as JSON has them. */
export function msOfNano(nano: string | undefined): number | undefined {
  return nano === undefined ? undefined : Number(BigInt(nano) / 1_000_000n);
}

/** What a time shows: its day, its clock, or both. */
export type Detail = "second" | "millisecond" | "minute" | "day";

const LENGTHS: Readonly<Record<Detail, number>> = { day: 10, minute: 16, second: 19, millisecond: 23 };

/** "2026-11-24 03:12:06.524" in the zone that was chosen. */
export function timeText(ms: number, detail: Detail = "second"): string {
  const shifted = zone.value === "utc" ? ms : ms - new Date(ms).getTimezoneOffset() * 60_000;
  const date = new Date(shifted);
  if (Number.isNaN(date.getTime())) return "";
  return date.toISOString().replace("T", " ").slice(0, LENGTHS[detail]);
}

const UNITS: readonly (readonly [string, number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
];

/** "3 h 12 min", from its two largest units. */
export function durationText(ms: number): string {
  const at = UNITS.findIndex(([, size]) => Math.abs(ms) >= size);
  if (at < 0) return `${Math.round(ms)} ms`;
  const [unit, size] = UNITS[at] ?? ["s", 1000];
  const whole = Math.trunc(Math.abs(ms) / size);
  const [nextUnit, nextSize] = UNITS[at + 1] ?? ["", 0];
  const rest = nextSize === 0 ? 0 : Math.trunc((Math.abs(ms) - whole * size) / nextSize);
  return rest === 0 || whole >= 10 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${nextUnit}`;
}

/** "3 min ago", "in 2 h". */
export function agoText(ms: number, nowMs: number): string {
  const difference = nowMs - ms;
  if (Math.abs(difference) < 1000) return "now";
  return difference > 0 ? `${durationText(difference)} ago` : `in ${durationText(-difference)}`;
}
