/** What hosts come to by what the collector has stored of them on past days. */
import type { HostForecast, HourForecast } from "./host.ts";
import { type Interval, quantile, scaled } from "./interval.ts";
import { DAY_HOURS, DAY_SECONDS, HOUR_SECONDS, hourOfWeek, WEEKDAYS } from "./series.ts";

/** A host's day as it is stored. */
export interface MeasuredDay {
  /** UTC, "YYYYMMDD". */
  day: string;
  events: number;
  /** Of stored payloads. */
  bytes: number;
  /** Events of each of its 24 hours; undefined where they are not known. */
  hours: readonly number[] | undefined;
}

const DAYS_GOOD = 7;
const LOW = 0.1;
const HIGH = 0.9;

/**
 * A day is one of those that were seen; bounds are where eight of ten of them lie. Events a second are those of the hours that are known, of whole
 * days where none is. Undefined where there is no whole day.
 */
export function measuredHost(
  host: string,
  groups: readonly string[],
  days: readonly MeasuredDay[],
  restOverhead: number,
): HostForecast | undefined {
  if (days.length === 0) return undefined;
  const events = days.map((day) => day.events);
  const hourly = days.flatMap(({ hours = [] }) => hours.map((count) => count / HOUR_SECONDS));
  const rates = hourly.length > 0 ? hourly : events.map((count) => count / DAY_SECONDS);
  return {
    host,
    groups,
    basis: "measured",
    p50: quantile(rates, 0.5),
    p90: quantile(rates, HIGH),
    events: around(events),
    wireBytes: undefined,
    restBytes: around(days.map(({ bytes }) => bytes * restOverhead)),
    cpuPercent: undefined,
    memoryBytes: undefined,
    keys: [],
    programs: [],
    hours: hoursOf(days),
    minutes: days.length * 1440,
    notes: [...unseenWeekdays(days), ...unknownHours(days)],
  };
}

/** The host if only so much of its events were there, 0 to 1. */
export function withShare(host: HostForecast, share: number): HostForecast {
  const { p50, p90, events, restBytes } = host;
  const less = { p50: p50 * share, p90: p90 * share, events: scaled(events, share) };
  const hours = host.hours.map((each) => ({ ...each, eventsPerSecond: each.eventsPerSecond * share }));
  return { ...host, ...less, hours, restBytes: restBytes && scaled(restBytes, share) };
}

function around(values: readonly number[]): Interval {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { low: Math.min(mean, quantile(values, LOW)), mid: mean, high: Math.max(mean, quantile(values, HIGH)) };
}

/** The mean of each hour of the week, Monday's first. */
function hoursOf(days: readonly MeasuredDay[]): HourForecast[] {
  const byWeekday = Map.groupBy(
    days.filter(({ hours }) => hours !== undefined),
    weekdayOf,
  );
  return [...byWeekday.keys()]
    .sort((a, b) => a - b)
    .flatMap((weekday) => {
      const same = byWeekday.get(weekday) ?? [];
      return Array.from({ length: DAY_HOURS }, (_, hour) => {
        const events = same.reduce((sum, { hours = [] }) => sum + (hours[hour] ?? 0), 0);
        return { weekday, hour, eventsPerSecond: events / same.length / HOUR_SECONDS };
      });
    });
}

/** Monday is 0. */
function weekdayOf({ day }: MeasuredDay): number {
  return hourOfWeek(Date.UTC(+day.slice(0, 4), +day.slice(4, 6) - 1, +day.slice(6))) / DAY_HOURS;
}

function unseenWeekdays(days: readonly MeasuredDay[]): string[] {
  const seen = new Set(days.map(weekdayOf));
  const unseen = WEEKDAYS.filter((_, at) => !seen.has(at));
  if (unseen.length === 0) return [];
  const stored = `${days.length < DAYS_GOOD ? "only " : ""}${days.length} whole ${days.length === 1 ? "day is" : "days are"} stored`;
  return [`${stored}: weekdays that are not in it are ${unseen.join(", ")}`];
}

function unknownHours(days: readonly MeasuredDay[]): string[] {
  const unknown = days.filter(({ hours }) => hours === undefined).length;
  if (unknown === 0) return [];
  const of = `hours of ${unknown} of ${days.length} whole days are not known: they were stored before the collector counted them`;
  return [unknown < days.length ? of : `${of}; events a second are those of whole days`];
}
