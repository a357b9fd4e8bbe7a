/** Groups of some events of one block, with their counts, times, metrics and buckets: column by column, each text looked at once. */
import { type ColumnBlock, SEGMENT_EVENTS_MAX } from "@hosttrail/lib/block";
import type { Field } from "@hosttrail/lib/predicate";
import { Column } from "./column.ts";
import { type Entries, entriesOf, WEIGHT_MAX } from "./entries.ts";
import { type Grouped, measure } from "./metric.ts";
import { byGroup, type Pairs, pairsOf } from "./pairs.ts";
import type { ReducePlan, Stretches } from "./question.ts";
import type { Reduced, ReducedBuckets } from "./reduced.ts";
import { NanoTimes } from "./times.ts";

/** Groups that are sent at once: a segment has more only by combinations of its lists. */
const GROUPS_MAX = 65_536;
/** Characters of texts that are sent at once, in UTF-16 units. */
const CHARACTERS_MAX: number = 4 * 1024 * 1024;

/**
 * What is made of these events of a block, in as many parts as their bound needs: of one segment that is one, unless its lists are long. An
 * event may be in several parts, and is counted in the first of them. Throws a BlockError where the block is damaged.
 */
export function* reduceEvents(
  block: ColumnBlock,
  events: readonly number[],
  plan: ReducePlan,
  weightMax: number = WEIGHT_MAX,
): Generator<Reduced, void, undefined> {
  for (let at = 0; at < events.length; at += SEGMENT_EVENTS_MAX) {
    const some = events.length <= SEGMENT_EVENTS_MAX ? events : events.slice(at, at + SEGMENT_EVENTS_MAX);
    const columns = new Map<Field, Column>();
    const columnOf = (field: Field): Column => {
      const known = columns.get(field);
      if (known !== undefined) return known;
      const column = new Column(field, block, some);
      columns.set(field, column);
      return column;
    };
    const grouped = plan.groupBy.map(columnOf);
    const measured = plan.metrics.map(({ field }) => columnOf(field));
    for (const entries of entriesOf(some.length, { grouped, measured }, weightMax))
      yield reduceEntries({ block, events: some, plan, grouped, measured }, entries);
  }
}

/** As `reduceEvents`, all of it; undefined where that is more than is sent at once. */
export function reduceAtOnce(block: ColumnBlock, events: readonly number[], plan: ReducePlan): Reduced | undefined {
  const parts = reduceEvents(block, events, plan);
  const { value, done } = parts.next();
  if (done === true || parts.next().done !== true) return undefined;
  return value.counts.length > GROUPS_MAX || charactersOf(value) > CHARACTERS_MAX ? undefined : value;
}

function charactersOf({ texts, metrics }: Reduced): number {
  const lists = [...texts, ...metrics.flatMap((metric) => ("texts" in metric ? [metric.texts] : []))];
  return lists.flat().reduce((sum, { length }) => sum + length, 0);
}

interface Looked {
  block: ColumnBlock;
  events: readonly number[];
  plan: ReducePlan;
  grouped: readonly Column[];
  measured: readonly Column[];
}

function reduceEntries({ block, events, plan, grouped, measured }: Looked, entries: Entries): Reduced {
  const { groups, groupCount, values } = groupsOf(entries, grouped);
  const found: Grouped = { groups, groupCount, positions: entries.positions };
  const indexes = indexesOf(entries, events);
  const times = new NanoTimes(block.columns.time);
  return {
    events: entries.events,
    cutEvents: entries.cutEvents,
    texts: grouped.map(({ texts }) => texts),
    values,
    ...countsOf(found, { indexes, times }),
    metrics: plan.metrics.map((metric, at) => measure(metric, measured[at] as Column, found)),
    buckets: plan.histogram && bucketsOf(found, { indexes, times }, plan.histogram),
  };
}

/** Of each entry's event in the block. */
function indexesOf({ positions }: Entries, events: readonly number[]): Uint32Array {
  const indexes = new Uint32Array(positions.length);
  for (let at = 0; at < indexes.length; at++) indexes[at] = events[positions[at] as number] as number;
  return indexes;
}

/** The group of each entry, and by field the number of each group's value. */
function groupsOf(
  { positions, values }: Entries,
  grouped: readonly Column[],
): { groups: Uint32Array; groupCount: number; values: Uint32Array[] } {
  let groups: Uint32Array = new Uint32Array(positions.length);
  let groupCount = 1;
  const steps: Pairs[] = [];
  for (const [at, column] of grouped.entries()) {
    const seconds = values[at] as Uint32Array | Int32Array;
    const pairs = pairsOf({ firsts: groups, firstCount: groupCount }, { seconds, secondCount: column.count });
    groups = pairs.numbers;
    groupCount = pairs.firsts.length;
    steps.push(pairs);
  }
  const found: Uint32Array[] = [];
  let at = Uint32Array.from({ length: groupCount }, (_, group) => group);
  for (const { firsts, seconds } of steps.toReversed()) {
    found.unshift(at.map((pair) => seconds[pair] ?? 0));
    at = at.map((pair) => firsts[pair] ?? 0);
  }
  return { groups, groupCount, values: found };
}

interface Timed {
  indexes: Uint32Array;
  times: NanoTimes;
}

function countsOf(
  { groups, groupCount }: Grouped,
  { indexes, times }: Timed,
): Pick<Reduced, "counts" | "firstNano" | "lastNano"> {
  const counts = new Uint32Array(groupCount);
  const firsts = new Uint32Array(groupCount);
  const lasts = new Uint32Array(groupCount);
  for (let at = 0; at < groups.length; at++) {
    const group = groups[at] as number;
    const index = indexes[at] as number;
    const count = counts[group] as number;
    counts[group] = count + 1;
    if (count === 0) {
      firsts[group] = index;
      lasts[group] = index;
    } else if (!times.isBefore(index, lasts[group] as number)) lasts[group] = index;
    else if (times.isBefore(index, firsts[group] as number)) firsts[group] = index;
  }
  return { counts, firstNano: times.of(firsts), lastNano: times.of(lasts) };
}

function bucketsOf(
  { groups, groupCount }: Grouped,
  { indexes, times }: Timed,
  { seconds, firstStretch }: Stretches,
): ReducedBuckets {
  const stretches = new Uint32Array(indexes.length);
  let [least, most] = [0xffffffff, 0];
  for (let at = 0; at < indexes.length; at++) {
    const stretch = times.stretch(indexes[at] as number, seconds) - firstStretch;
    stretches[at] = stretch;
    if (stretch < least) least = stretch;
    if (stretch > most) most = stretch;
  }
  for (let at = 0; at < indexes.length; at++) stretches[at] = (stretches[at] as number) - least;
  const after = { seconds: stretches, secondCount: most - least + 1 };
  const pairs = pairsOf({ firsts: groups, firstCount: groupCount }, after);
  const cells = new Uint32Array(pairs.firsts.length);
  for (const number of pairs.numbers) cells[number] = (cells[number] ?? 0) + 1;
  const { offsets, order } = byGroup(pairs.firsts, groupCount);
  return {
    offsets,
    stretches: order.map((pair) => (pairs.seconds[pair] ?? 0) + least),
    counts: order.map((pair) => cells[pair] ?? 0),
  };
}
