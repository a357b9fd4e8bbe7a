/** When hosts make most and least: by the hours of the week that were seen of them. All hours are UTC. */
import type { HostForecast, HourForecast } from "./host.ts";
import { DAY_HOURS, WEEKDAYS } from "./series.ts";

interface HourRate {
  hour: number;
  eventsPerSecond: number;
}

/** Rates are of the hosts of which so much was seen, together. */
export interface BusyTimes {
  /** Of which all hours of a day were seen. */
  hosts: number;
  busiest: HourRate;
  quietest: HourRate;
  /** Events a second from Monday to Friday and on the two other days; undefined where no host was seen on whole days of both. */
  week: { hosts: number; workdays: number; weekend: number } | undefined;
}

/** Of `factor` times as many hosts. Undefined where not all hours of a day were seen of any of them. */
export function busyTimes(hosts: readonly HostForecast[], factor: number): BusyTimes | undefined {
  const days = hosts.map(({ hours }) => dayRates(hours)).filter((rates) => rates !== undefined);
  const sums = Array.from({ length: DAY_HOURS }, (_, hour) => ({
    hour,
    eventsPerSecond: factor * days.reduce((sum, rates) => sum + (rates[hour] ?? 0), 0),
  })).sort((a, b) => b.eventsPerSecond - a.eventsPerSecond || a.hour - b.hour);
  const [busiest, quietest] = [sums[0], sums.at(-1)];
  if (days.length === 0 || busiest === undefined || quietest === undefined) return undefined;
  return { hosts: Math.round(days.length * factor), busiest, quietest, week: weekOf(hosts, factor) };
}

/** A host's mean for each hour of the day, each weekday alike; undefined where an hour was not seen. */
function dayRates(hours: readonly HourForecast[]): number[] | undefined {
  const byHour = Map.groupBy(hours, ({ hour }) => hour);
  if (byHour.size < DAY_HOURS) return undefined;
  return Array.from({ length: DAY_HOURS }, (_, hour) => meanOf(byHour.get(hour) ?? []));
}

function weekOf(hosts: readonly HostForecast[], factor: number): BusyTimes["week"] {
  const week = { hosts: 0, workdays: 0, weekend: 0 };
  for (const { hours } of hosts) {
    const whole = [...Map.groupBy(hours, ({ weekday }) => weekday).values()].filter((day) => day.length === DAY_HOURS);
    const isFree = ([first]: readonly HourForecast[]): boolean => (first?.weekday ?? 0) >= WEEKDAYS.indexOf("Saturday");
    const [free, work] = [whole.filter(isFree).flat(), whole.filter((day) => !isFree(day)).flat()];
    if (free.length === 0 || work.length === 0) continue;
    week.hosts += factor;
    week.workdays += factor * meanOf(work);
    week.weekend += factor * meanOf(free);
  }
  return week.hosts === 0 ? undefined : { ...week, hosts: Math.round(week.hosts) };
}

/** For each hour of the week that was seen of all of these hosts, their mean. */
export function meanHours(hosts: readonly HostForecast[]): HourForecast[] {
  const byHour = Map.groupBy(
    hosts.flatMap(({ hours }) => hours),
    ({ weekday, hour }) => weekday * DAY_HOURS + hour,
  );
  return [...byHour.entries()]
    .filter(([, seen]) => seen.length === hosts.length)
    .sort(([a], [b]) => a - b)
    .map(([at, seen]) => ({
      weekday: Math.floor(at / DAY_HOURS),
      hour: at % DAY_HOURS,
      eventsPerSecond: meanOf(seen),
    }));
}

function meanOf(hours: readonly HourForecast[]): number {
  return hours.reduce((sum, { eventsPerSecond }) => sum + eventsPerSecond, 0) / hours.length;
}
