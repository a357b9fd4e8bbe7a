/** From minutes that were looked at to a day. */
import { type Interval, NOTHING, quantile } from "./interval.ts";
import type { SampleMinute } from "./sample.ts";

export const DAY_SECONDS = 86_400;
export const HOUR_SECONDS = 3600;
export const DAY_HOURS = 24;
/** In the order in which weeks have them here. */
export const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] as const;
const HOUR_MS = 3_600_000;
const HOURS_OF_WEEK = 168;
/** 1970 began on a Thursday; weeks here begin on Monday, UTC. */
const MONDAY_OFFSET = 72;
/** Minutes from which their scatter says something; of fewer, the bounds are half and twice. */
const MINUTES_MIN = 5;
/** Standard errors between the middle and a bound: some 95 % where minutes come and go by chance. */
const ERRORS = 2;
/** Minutes resemble those before them; more than so much would leave nothing to count on. */
const LIKENESS_MAX = 0.9;
/** What a host does swells and falls over hours; of whom not all hours of a day were seen, by so much is not known. */
const DRIFT = 0.15;
/** Shorter pieces of minutes say too little by themselves. */
const SECONDS_MIN = 20;

/** A part of the week: 0 is Monday from midnight to one, UTC. */
export function hourOfWeek(timeMs: number): number {
  return (Math.floor(timeMs / HOUR_MS) + MONDAY_OFFSET) % HOURS_OF_WEEK;
}

/** What a day comes to, of something of which each minute has so much: each hour of the week that was seen counts alike. */
export function dayOf(minutes: readonly SampleMinute[], valueOf: (minute: SampleMinute) => number): Interval {
  const hours = Map.groupBy(minutes, ({ startMs }) => hourOfWeek(startMs));
  if (hours.size === 0) return NOTHING;
  let mean = 0;
  for (const each of hours.values()) mean += rateOf(each, valueOf) / hours.size;
  const mid = mean * DAY_SECONDS;
  if (minutes.length < MINUTES_MIN) return { low: mid / 2, mid, high: mid * 2 };
  const drift = hours.size < DAY_HOURS ? DRIFT * mid : 0;
  const error = Math.hypot(ERRORS * standardError(minutes, valueOf) * DAY_SECONDS, drift);
  return { low: Math.max(0, mid - error), mid, high: mid + error };
}

/** A second's, on average. */
export function rateOf(minutes: readonly SampleMinute[], valueOf: (minute: SampleMinute) => number): number {
  let [sum, seconds] = [0, 0];
  for (const minute of minutes) {
    sum += valueOf(minute);
    seconds += minute.seconds;
  }
  return seconds === 0 ? 0 : sum / seconds;
}

/** A second's in minutes of little and of much. */
export function quantilesOf(
  minutes: readonly SampleMinute[],
  valueOf: (minute: SampleMinute) => number,
): { p50: number; p90: number } {
  const rates = ratesOf(minutes, valueOf);
  return { p50: quantile(rates, 0.5), p90: quantile(rates, 0.9) };
}

function ratesOf(minutes: readonly SampleMinute[], valueOf: (minute: SampleMinute) => number): number[] {
  const whole = minutes.filter(({ seconds }) => seconds >= SECONDS_MIN);
  return (whole.length === 0 ? minutes : whole).map((minute) => valueOf(minute) / minute.seconds);
}

function standardError(minutes: readonly SampleMinute[], valueOf: (minute: SampleMinute) => number): number {
  const rates = ratesOf(minutes, valueOf);
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  let [squares, products] = [0, 0];
  for (const [at, rate] of rates.entries()) {
    squares += (rate - mean) ** 2;
    if (at > 0) products += (rate - mean) * ((rates[at - 1] ?? mean) - mean);
  }
  if (rates.length < 2 || squares === 0) return 0;
  const likeness = Math.min(LIKENESS_MAX, Math.max(0, products / squares));
  // So many minutes by chance say as much as these, which follow each other.
  const independent = (rates.length * (1 - likeness)) / (1 + likeness);
  return Math.sqrt(squares / (rates.length - 1) / Math.max(1, independent));
}
