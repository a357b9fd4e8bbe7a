/** The same meaning as the engine's, written as plainly as can be: everything is worked out anew from all matches. For tests only. */
import type { AnyRule, Bound, CorrelationRule, Expression } from "../sigma/index.ts";
import { testHash } from "./fixture.ts";
import type { RuleMatch } from "./model.ts";

interface Event {
  id: string;
  isInner: boolean;
  host: string;
  time: bigint;
  received: bigint;
  rules: Set<number>;
  values: Set<string | number>;
}

interface Group {
  values: string[];
  events: Map<string, Event>;
}

export interface ReferenceMatch {
  rule: string;
  id: string;
  group: string[];
  firstNano: bigint;
  completedNano: bigint;
  lastNano: bigint;
  count: number;
  value: number;
  eventIds: string[];
  innerIds: string[];
  leftOut: number;
  hostIds: string[];
  lateNano: bigint;
}

interface Found extends ReferenceMatch {
  receivedNano: bigint;
}

type Source = Omit<RuleMatch, "rule"> & { rule: AnyRule; isInner: boolean };

export function referenceMatches(
  rules: readonly AnyRule[],
  matches: readonly RuleMatch[],
  lateAfterNano: bigint,
  idsMax: number,
): ReferenceMatch[] {
  const found = new Map<CorrelationRule, Found[]>();
  const all: ReferenceMatch[] = [];
  const work = (rule: CorrelationRule): void => {
    if (found.has(rule)) return;
    for (const inner of rule.rules) if (inner.kind === "correlation") work(inner);
    const sources: Source[] = matches.map((match) => ({
      ...match,
      texts: (field) => match.texts(field),
      isInner: false,
    }));
    for (const inner of rule.rules)
      if (inner.kind === "correlation")
        for (const match of found.get(inner) ?? [])
          sources.push({
            rule: inner,
            isInner: true,
            eventId: match.id,
            timeNano: match.completedNano,
            receivedNano: match.receivedNano,
            hostId: "",
            texts: (field) => {
              const at = inner.groupBy.indexOf(field);
              return at < 0 ? [] : [match.group[at] as string];
            },
          });
    const result = groupsOf(rule, sources).flatMap((group) => episodesOf(rule, group, lateAfterNano, idsMax));
    found.set(rule, result);
    for (const { receivedNano: _received, ...match } of result) all.push(match);
  };
  for (const rule of rules) if (rule.kind === "correlation") work(rule);
  return all;
}

function product(lists: readonly (readonly string[])[]): string[][] {
  let tuples: string[][] = [[]];
  for (const list of lists) tuples = tuples.flatMap((tuple) => [...new Set(list)].map((value) => [...tuple, value]));
  return tuples;
}

function groupsOf(rule: CorrelationRule, sources: readonly Source[]): Group[] {
  const groups = new Map<string, Group>();
  for (const source of sources) {
    const number = (rule.rules as readonly AnyRule[]).indexOf(source.rule);
    if (number < 0) continue;
    const read = (field: string): readonly string[] => source.texts(rule.aliases.get(field)?.get(source.rule) ?? field);
    let values: (string | number)[] = [];
    if (rule.type.startsWith("value_")) {
      if (rule.type === "value_count") values = product(rule.fields.map(read)).map((tuple) => JSON.stringify(tuple));
      else
        values = read(rule.fields[0] as string)
          .filter((text) => /^-?\d+(\.\d+)?$/.test(text))
          .map(Number);
      if (values.length === 0) continue;
    }
    for (const tuple of product(rule.groupBy.map(read))) {
      const key = JSON.stringify(tuple);
      const group = groups.get(key) ?? { values: tuple, events: new Map<string, Event>() };
      groups.set(key, group);
      const eventKey = `${source.timeNano} ${source.eventId}`;
      const event = group.events.get(eventKey) ?? {
        id: source.eventId,
        isInner: source.isInner,
        host: source.hostId,
        time: source.timeNano,
        received: source.receivedNano,
        rules: new Set<number>(),
        values: new Set<string | number>(),
      };
      group.events.set(eventKey, event);
      event.rules.add(number);
      for (const value of values) event.values.add(value);
      if (source.receivedNano < event.received) event.received = source.receivedNano;
    }
  }
  return [...groups.values()];
}

function compareEvents(a: Event, b: Event): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

function episodesOf(rule: CorrelationRule, group: Group, lateAfterNano: bigint, idsMax: number): Found[] {
  const events = [...group.events.values()].sort(compareEvents);
  const span = BigInt(rule.timespanMs) * 1_000_000n;
  const windowOf = (time: bigint): Event[] => events.filter((event) => event.time > time - span && event.time <= time);
  const times = [...new Set(events.map(({ time }) => time))];
  const episodes: { time: bigint; value: number }[][] = [];
  for (const time of times) {
    const value = decide(rule, windowOf(time));
    if (value === undefined) continue;
    const last = episodes.at(-1)?.at(-1);
    if (last !== undefined && time - last.time <= span) episodes.at(-1)?.push({ time, value });
    else episodes.push([{ time, value }]);
  }
  return episodes.map((points) => {
    const completedNano = (points[0] as { time: bigint }).time;
    const lastNano = (points.at(-1) as { time: bigint }).time;
    const inIt = events.filter(({ time }) => time > completedNano - span && time <= lastNano);
    const isFromAbove = rule.bounds.length > 0 && rule.bounds.every(({ comparison }) => /^lte?$/.test(comparison));
    const values = points.map(({ value }) => value);
    const oldest = Math.ceil(idsMax / 2);
    const shown =
      inIt.length <= idsMax ? inIt : [...inIt.slice(0, oldest), ...inIt.slice(inIt.length - (idsMax - oldest))];
    const { received, late } = completion(rule, windowOf(completedNano), lateAfterNano);
    return {
      rule: rule.name,
      id: testHash(JSON.stringify([rule.name, ...group.values, String(completedNano)])),
      group: group.values,
      firstNano: (inIt[0] as Event).time,
      completedNano,
      lastNano,
      count: inIt.length,
      value: isFromAbove ? Math.min(...values) : Math.max(...values),
      eventIds: shown.filter(({ isInner }) => !isInner).map(({ id }) => id),
      innerIds: shown.filter(({ isInner }) => isInner).map(({ id }) => id),
      leftOut: inIt.length - shown.length,
      hostIds: [...new Set(shown.filter(({ isInner }) => !isInner).map(({ host }) => host))].sort(),
      lateNano: late,
      receivedNano: received,
    };
  });
}

function completion(rule: CorrelationRule, window: Event[], lateAfterNano: bigint): { received: bigint; late: bigint } {
  const arrived = [...window].sort((a, b) =>
    a.received === b.received ? compareEvents(a, b) : a.received < b.received ? -1 : 1,
  );
  if (!window.some(({ received, time }) => received - time > lateAfterNano))
    return { received: (arrived.at(-1) as Event).received, late: 0n };
  let since = arrived.length - 1;
  while (since > 0 && decide(rule, arrived.slice(0, since).sort(compareEvents)) !== undefined) since--;
  const { received, time } = arrived[since] as Event;
  return { received, late: received - time > lateAfterNano ? received - time : 0n };
}

/** The value, where the condition holds. */
function decide(rule: CorrelationRule, window: Event[]): number | undefined {
  const value = measure(rule, window);
  const matched = new Set(window.flatMap(({ rules }) => [...rules]));
  const isMet =
    rule.bounds.every((bound) => holds(bound, value)) &&
    (rule.extended === undefined || isTrue(rule.extended, rule, matched));
  return isMet ? value : undefined;
}

function measure({ type, rules, percentile }: CorrelationRule, window: Event[]): number {
  const values = window.flatMap((event) => [...event.values]);
  const numbers = values.map(Number).sort((a, b) => a - b);
  const sum = numbers.reduce((total, number) => total + number, 0);
  switch (type) {
    case "event_count":
      return window.length;
    case "value_count":
      return new Set(values).size;
    case "value_sum":
      return sum;
    case "value_avg":
      return sum / numbers.length;
    case "temporal":
      return new Set(window.flatMap((event) => [...event.rules])).size;
    case "temporal_ordered": {
      // The rules one after the other, each at its earliest.
      let next = 0;
      for (const event of window) if (next < rules.length && event.rules.has(next)) next++;
      return next;
    }
    default: {
      const rank = ((type === "value_median" ? 50 : (percentile as number)) / 100) * (numbers.length - 1);
      const low = numbers[Math.floor(rank)] as number;
      return low + ((numbers[Math.ceil(rank)] as number) - low) * (rank - Math.floor(rank));
    }
  }
}

function holds({ comparison, number }: Bound, value: number): boolean {
  if (comparison === "gt") return value > number;
  if (comparison === "gte") return value >= number;
  if (comparison === "lt") return value < number;
  if (comparison === "lte") return value <= number;
  return (value === number) === (comparison === "eq");
}

function isTrue(expression: Expression, rule: CorrelationRule, matched: ReadonlySet<number>): boolean {
  switch (expression.kind) {
    case "item":
      return matched.has(rule.rules.findIndex(({ name }) => name === expression.item.field));
    case "not":
      return !isTrue(expression.part, rule, matched);
    case "and":
      return expression.parts.every((part) => isTrue(part, rule, matched));
    case "or":
      return expression.parts.some((part) => isTrue(part, rule, matched));
    default:
      return expression.value;
  }
}
