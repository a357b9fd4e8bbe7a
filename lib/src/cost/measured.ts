/** What hosts come to by what the collector has stored of them on past days. */
import type { HostForecast } from "./host.ts";
import { type Interval, quantile, scaled } from "./interval.ts";
import { DAY_SECONDS } from "./series.ts";

/** A host's day as it is stored. */
export interface MeasuredDay {
  /** UTC, "YYYYMMDD". */
  day: string;
  events: number;
  /** Of stored payloads. */
  bytes: number;
}

const DAYS_GOOD = 7;
const LOW = 0.1;
const HIGH = 0.9;

/** A day is one of those that were seen; bounds are where eight of ten of them lie. Undefined where there is no whole day. */
export function measuredHost(
  host: string,
  groups: readonly string[],
  days: readonly MeasuredDay[],
  restOverhead: number,
): HostForecast | undefined {
  if (days.length === 0) return undefined;
  const events = days.map((day) => day.events);
  return {
    host,
    groups,
    basis: "measured",
    p50: quantile(events, 0.5) / DAY_SECONDS,
    p90: quantile(events, HIGH) / DAY_SECONDS,
    events: around(events),
    wireBytes: undefined,
    restBytes: around(days.map(({ bytes }) => bytes * restOverhead)),
    cpuPercent: undefined,
    memoryBytes: undefined,
    keys: [],
    programs: [],
    hours: [],
    minutes: days.length * 1440,
    notes: days.length < DAYS_GOOD ? [`only ${days.length} whole days are stored: weekends may not be in it`] : [],
  };
}

/** The host if only so much of its events were there, 0 to 1. */
export function withShare(host: HostForecast, share: number): HostForecast {
  const { p50, p90, events, restBytes } = host;
  const less = { p50: p50 * share, p90: p90 * share, events: scaled(events, share) };
  return { ...host, ...less, restBytes: restBytes && scaled(restBytes, share) };
}

function around(values: readonly number[]): Interval {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { low: Math.min(mean, quantile(values, LOW)), mid: mean, high: Math.max(mean, quantile(values, HIGH)) };
}
