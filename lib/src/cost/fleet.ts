/** What a fleet comes to: its hosts, those of which nothing is known among them, and its groups. */
import { type BusyTimes, busyTimes, meanHours } from "./busy.ts";
import type { HostForecast, KeyForecast } from "./host.ts";
import { type Interval, scaled, sumOf } from "./interval.ts";

/** Hosts together: all of a group, or all. */
export interface Sum {
  hosts: number;
  /** Events a second: hosts are as busy as they are at the same time. */
  p50: number;
  p90: number;
  events: Interval;
  wireBytes: Interval | undefined;
  restBytes: Interval | undefined;
  cpuPercent: Interval | undefined;
  /** Undefined where not all hours of a day were seen of any of them. */
  busy: BusyTimes | undefined;
}

export interface FleetForecast extends Sum {
  keys: KeyForecast[];
}

/** Hosts of which nothing is known, as those of the same groups are on average, else as all; bounds are those of the least and the greatest. */
export function likeOthers(
  name: string,
  groups: readonly string[],
  known: readonly HostForecast[],
): HostForecast | undefined {
  const same = known.filter((each) => groupsOf(each) === groups.join(" "));
  const like = same.length > 0 ? same : known;
  const [first] = like;
  if (first === undefined) return undefined;
  const whose =
    same.length > 0
      ? `${same.length} hosts of the same groups`
      : `all ${known.length} hosts, none of which is of its groups`;
  const between = (of: (host: HostForecast) => Interval | undefined): Interval | undefined => {
    const values = like.map(of).filter((each) => each !== undefined);
    if (values.length === 0) return undefined;
    const mid = values.reduce((sum, each) => sum + each.mid, 0) / values.length;
    return { low: Math.min(...values.map(({ low }) => low)), mid, high: Math.max(...values.map(({ high }) => high)) };
  };
  const mean = (of: (host: HostForecast) => number): number =>
    like.reduce((sum, each) => sum + of(each), 0) / like.length;
  return {
    host: name,
    groups,
    basis: "others",
    p50: mean(({ p50 }) => p50),
    p90: mean(({ p90 }) => p90),
    events: between(({ events }) => events) ?? first.events,
    wireBytes: between(({ wireBytes }) => wireBytes),
    restBytes: between(({ restBytes }) => restBytes),
    cpuPercent: between(({ cpuPercent }) => cpuPercent),
    memoryBytes: undefined,
    keys: sumKeys(like).map((key) => scaledKey(key, 1 / like.length)),
    programs: [],
    hours: meanHours(like),
    minutes: 0,
    notes: [`nothing was seen of it: it is taken to be as ${whose} are on average`],
  };
}

function groupsOf({ groups }: HostForecast): string {
  return groups.join(" ");
}

/** `hosts` times as many, in the same proportions. */
export function sumHosts(hosts: readonly HostForecast[], factor = 1): FleetForecast {
  const together = (of: (host: HostForecast) => Interval | undefined): Interval | undefined => {
    const values = hosts.map(of).filter((each) => each !== undefined);
    // Of some hosts it would look like all.
    return values.length < hosts.length || hosts.length === 0 ? undefined : scaled(sumOf(values), factor);
  };
  return {
    hosts: Math.round(hosts.length * factor),
    p50: factor * hosts.reduce((sum, { p50 }) => sum + p50, 0),
    p90: factor * hosts.reduce((sum, { p90 }) => sum + p90, 0),
    events: together(({ events }) => events) ?? { low: 0, mid: 0, high: 0 },
    wireBytes: together(({ wireBytes }) => wireBytes),
    restBytes: together(({ restBytes }) => restBytes),
    cpuPercent: together(({ cpuPercent }) => cpuPercent),
    busy: busyTimes(hosts, factor),
    keys: sumKeys(hosts).map((key) => scaledKey(key, factor)),
  };
}

function sumKeys(hosts: readonly HostForecast[]): KeyForecast[] {
  const all = hosts.reduce((sum, { events }) => sum + events.mid, 0);
  const byKey = Map.groupBy(
    hosts.flatMap(({ keys }) => keys),
    ({ key }) => key,
  );
  return Array.from(byKey, ([key, parts]): KeyForecast => {
    const events = sumOf(parts.map((part) => part.events));
    const maybe = (values: readonly (Interval | undefined)[]): Interval | undefined => {
      const known = values.filter((each) => each !== undefined);
      return known.length < values.length ? undefined : sumOf(known);
    };
    return {
      key,
      p50: parts.reduce((sum, { p50 }) => sum + p50, 0),
      p90: parts.reduce((sum, { p90 }) => sum + p90, 0),
      events,
      wireBytes: maybe(parts.map(({ wireBytes }) => wireBytes)),
      restBytes: maybe(parts.map(({ restBytes }) => restBytes)),
      share: all === 0 ? 0 : events.mid / all,
    };
  }).sort((a, b) => b.events.mid - a.events.mid);
}

export function scaledKey(key: KeyForecast, factor: number): KeyForecast {
  return {
    ...key,
    p50: key.p50 * factor,
    p90: key.p90 * factor,
    events: scaled(key.events, factor),
    wireBytes: key.wireBytes && scaled(key.wireBytes, factor),
    restBytes: key.restBytes && scaled(key.restBytes, factor),
  };
}
