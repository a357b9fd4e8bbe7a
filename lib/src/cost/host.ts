/** What one host comes to, by its samples. */
import { type Interval, scaled } from "./interval.ts";
import { restOf } from "./rest.ts";
import { AGENT_KEY, type CostSample, type SampledProgram, type SampleMinute } from "./sample.ts";
import { DAY_HOURS, dayOf, hourOfWeek, quantilesOf, rateOf } from "./series.ts";

/** A rule key's part of a host or a fleet. Bytes are those of its events' share of blocks and segments. */
export interface KeyForecast {
  key: string;
  /** Events a second, by minutes. */
  p50: number;
  p90: number;
  /** A day's. */
  events: Interval;
  /** Undefined where it was not measured. */
  wireBytes: Interval | undefined;
  restBytes: Interval | undefined;
  /** Of all events, 0 to 1. */
  share: number;
}

export interface HourForecast {
  /** Monday is 0; both UTC. */
  weekday: number;
  hour: number;
  eventsPerSecond: number;
}

/** `sample`: its own minutes. `measured`: what the collector has stored of it. `others`: hosts like it. */
export type Basis = "sample" | "measured" | "others";

export interface HostForecast {
  host: string;
  groups: readonly string[];
  basis: Basis;
  /** Events a second, by minutes; where it was measured, by hours, and by days where hours are not known. */
  p50: number;
  p90: number;
  /** A day's. */
  events: Interval;
  /** Bytes a day between agent and collector; undefined where it was not measured. */
  wireBytes: Interval | undefined;
  /** Bytes a day in the database. */
  restBytes: Interval | undefined;
  /** Of one processor; undefined where it was not measured. */
  cpuPercent: Interval | undefined;
  /** Undefined where it was not measured. */
  memoryBytes: number | undefined;
  /** The first with most events. */
  keys: readonly KeyForecast[];
  programs: readonly SampledProgram[];
  /** Those that were seen; of hosts that are taken to be as others, those that were seen of each of these. */
  hours: readonly HourForecast[];
  minutes: number;
  /** What its samples cannot know. */
  notes: readonly string[];
}

/** Shorter samples are told to be short. */
const MINUTES_GOOD = 10;
const MS_TO_PERCENT = 0.1;

export interface HostOptions {
  /** Keys of rules that it would not have. */
  without?: ReadonlySet<string>;
  /** Bytes in the database for each byte of a segment. */
  restOverhead: number;
  /** Hours of a day on which it runs: what is merged of a day is less where they are few. */
  dayHours?: number;
}

/** Forecasts a host. Throws a RangeError where there is no sample. */
export function forecastHost(
  samples: readonly CostSample[],
  groups: readonly string[],
  { without = new Set(), restOverhead, dayHours = DAY_HOURS }: HostOptions,
): HostForecast {
  const [first] = samples;
  if (first === undefined) throw new RangeError("a host without a sample cannot be forecast");
  const minutes = samples.flatMap((sample) => sample.minutes.map((minute) => namedKeys(minute, sample.keys)));
  const left = minutes.map((minute) => withoutKeys(minute, without));
  const events = dayOf(left, (minute) => minute.events);
  const wireBytes = dayOf(left, (minute) => minute.wireBytes);
  const each = restOf(heaviest(samples), (events.mid * dayHours) / DAY_HOURS);
  const restBytes = each && times(events, scaled(each, restOverhead * bytesShare(minutes, left)));
  const memory = Math.max(...samples.map((sample) => sample.memoryBytes));
  return {
    host: first.host,
    groups,
    basis: "sample",
    ...quantilesOf(left, (minute) => minute.events),
    events,
    wireBytes,
    restBytes,
    cpuPercent: scaled(
      dayOf(left, (minute) => minute.cpuMs),
      MS_TO_PERCENT / 86_400,
    ),
    memoryBytes: memory === 0 ? undefined : memory,
    keys: keysOf(left, { events, wireBytes, restBytes }),
    programs: programsOf(samples, without),
    hours: hoursOf(left),
    minutes: minutes.length,
    notes: notesOf(samples, left, without),
  };
}

/** A minute whose keys are named, since samples number them each in its own way. */
interface NamedMinute extends SampleMinute {
  named: ReadonlyMap<string, { events: number; bytes: number }>;
}

function namedKeys(minute: SampleMinute, names: readonly string[]): NamedMinute {
  return { ...minute, named: new Map(minute.keys.map(({ key, ...count }) => [names[key] ?? "", count])) };
}

function withoutKeys(minute: NamedMinute, without: ReadonlySet<string>): NamedMinute {
  const named = new Map([...minute.named].filter(([key]) => !without.has(key)));
  if (named.size === minute.named.size) return minute;
  let [events, wireBytes] = [0, 0];
  for (const count of named.values()) {
    events += count.events;
    wireBytes += count.bytes;
  }
  const share = minute.events === 0 ? 0 : events / minute.events;
  return { ...minute, named, events, wireBytes, blocks: Math.min(minute.blocks, events), cpuMs: minute.cpuMs * share };
}

/** Events that are left may be longer or shorter than those that go: by so much, bytes an event change. */
function bytesShare(all: readonly SampleMinute[], left: readonly SampleMinute[]): number {
  const each = (minutes: readonly SampleMinute[]): number => {
    const events = minutes.reduce((sum, minute) => sum + minute.events, 0);
    return events === 0 ? 0 : minutes.reduce((sum, minute) => sum + minute.wireBytes, 0) / events;
  };
  const before = each(all);
  return before === 0 ? 1 : each(left) / before;
}

/** The weights of the sample in which most was weighed. */
function heaviest(samples: readonly CostSample[]): CostSample["weights"] {
  return samples.reduce<CostSample["weights"]>(
    (most, { weights }) => ((weights.at(-1)?.events ?? 0) > (most.at(-1)?.events ?? 0) ? weights : most),
    [],
  );
}

function times(events: Interval, each: Interval): Interval {
  return { low: events.low * each.low, mid: events.mid * each.mid, high: events.high * each.high };
}

function keysOf(
  minutes: readonly NamedMinute[],
  all: { events: Interval; wireBytes: Interval; restBytes: Interval | undefined },
): KeyForecast[] {
  const names = new Set(minutes.flatMap(({ named }) => [...named.keys()]));
  return Array.from(names, (key): KeyForecast => {
    const eventsOf = (minute: SampleMinute): number => (minute as NamedMinute).named.get(key)?.events ?? 0;
    const wireBytes = dayOf(minutes, (minute) => (minute as NamedMinute).named.get(key)?.bytes ?? 0);
    const share = all.wireBytes.mid === 0 ? 0 : wireBytes.mid / all.wireBytes.mid;
    const events = dayOf(minutes, eventsOf);
    return {
      key,
      ...quantilesOf(minutes, eventsOf),
      events,
      wireBytes,
      restBytes: all.restBytes && scaled(all.restBytes, share),
      share: all.events.mid === 0 ? 0 : events.mid / all.events.mid,
    };
  }).sort((a, b) => b.events.mid - a.events.mid);
}

function programsOf(samples: readonly CostSample[], without: ReadonlySet<string>): SampledProgram[] {
  const found = new Map<string, SampledProgram>();
  for (const program of samples.flatMap(({ programs }) => programs)) {
    if (without.has(program.key)) continue;
    const before = found.get(program.executable);
    const { events = 0, bytes = 0 } = before ?? {};
    found.set(program.executable, { ...program, events: events + program.events, bytes: bytes + program.bytes });
  }
  return [...found.values()].sort((a, b) => b.events - a.events);
}

function hoursOf(minutes: readonly SampleMinute[]): HourForecast[] {
  const hours = Map.groupBy(minutes, ({ startMs }) => hourOfWeek(startMs));
  return Array.from(hours, ([at, each]) => ({
    weekday: Math.floor(at / DAY_HOURS),
    hour: at % DAY_HOURS,
    eventsPerSecond: rateOf(each, ({ events }) => events),
  })).sort((a, b) => a.weekday - b.weekday || a.hour - b.hour);
}

function notesOf(
  samples: readonly CostSample[],
  minutes: readonly NamedMinute[],
  without: ReadonlySet<string>,
): string[] {
  const notes: string[] = [];
  const hours = new Set(minutes.map(({ startMs }) => hourOfWeek(startMs))).size;
  if (minutes.length < MINUTES_GOOD) notes.push(`only ${minutes.length} minutes were seen`);
  if (hours < DAY_HOURS) notes.push(`${hours} of the week's 168 hours were seen: what is done at others is not in it`);
  const lost = samples.reduce((sum, { lost: { kernel, gaps, unreadable } }) => sum + kernel + gaps + unreadable, 0);
  if (lost > 0) notes.push(`${lost} events were lost before they could be counted: there are more than is said`);
  const unknown = [...without].filter(
    (key) => !samples.some(({ keys, ruleKeys }) => keys.includes(key) || ruleKeys.includes(key)),
  );
  if (unknown.length > 0)
    notes.push(`no event with key ${unknown.join(", ")} was seen: leaving it out changes nothing here`);
  const own = minutes.some(({ named }) => named.has(AGENT_KEY));
  if (!own) notes.push("the agent's own ledger is not in it: less than a minute was seen");
  return notes;
}
