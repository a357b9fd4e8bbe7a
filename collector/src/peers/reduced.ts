/** What is to be made of events, and what was made of those of one unit, as messages; each field of another process's is looked at. */
import type {
  PeerBuckets,
  PeerMeasured,
  PeerReduce,
  PeerReduced as StoredReduced,
  PeerTexts,
} from "@hosttrail/proto/peer";
import {
  isNumeric,
  type Metric,
  type MetricKind,
  planOf,
  type Reduce,
  type Reduced,
  type ReducedBuckets,
  type ReducedMetric,
} from "../reduce/index.ts";
import { checked, PeerMessageError } from "./checked.ts";

const GROUP_BY_MAX = 4;
const METRICS_MAX = 8;
const KINDS: readonly string[] = ["distinct", "min", "max", "sum", "average"] satisfies MetricKind[];
/** Groups of one unit, and stretches of one question. */
const GROUPS_MAX = 65_536;
const STRETCHES_MAX = 16_384;

export function storedReduce({ groupBy, metrics, histogram }: Reduce): PeerReduce {
  return {
    groupBy: [...groupBy],
    metrics: metrics.map(({ kind, field }) => ({ kind, field })),
    histogram: histogram && { seconds: histogram.seconds, firstStretch: BigInt(histogram.firstStretch) },
  };
}

/** Throws a PeerMessageError. */
export function reduceOf({ groupBy, metrics, histogram }: PeerReduce): Reduce {
  checked("reduce.group_by", groupBy.length, `up to ${GROUP_BY_MAX} fields`, groupBy.length <= GROUP_BY_MAX);
  checked("reduce.metrics", metrics.length, `up to ${METRICS_MAX} metrics`, metrics.length <= METRICS_MAX);
  for (const [at, { kind }] of metrics.entries())
    checked(`reduce.metrics[${at}].kind`, kind, KINDS.join(", "), KINDS.includes(kind));
  if (histogram !== undefined) {
    const { seconds, firstStretch } = histogram;
    checked("reduce.histogram.seconds", seconds, "1 and above", seconds >= 1);
    const isSafe = Number.isSafeInteger(Number(firstStretch) * seconds);
    checked("reduce.histogram.first_stretch", firstStretch, "whole numbers of seconds that are exact", isSafe);
  }
  const reduce: Reduce = {
    groupBy,
    metrics: metrics.map(({ kind, field }) => ({ kind: kind as MetricKind, field })),
    histogram: histogram && { seconds: histogram.seconds, firstStretch: Number(histogram.firstStretch) },
  };
  try {
    planOf(reduce);
  } catch (cause) {
    throw new PeerMessageError(`reduce: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  return reduce;
}

export function storedReduced(reduced: Reduced): StoredReduced {
  const { events, cutEvents, texts, values, counts, firstNano, lastNano, metrics, buckets } = reduced;
  return {
    events,
    cutEvents,
    groupBy: texts.map((list, at) => ({ texts: [...list], numbers: Array.from(values[at] ?? []) })),
    counts: Array.from(counts),
    firstUnixNano: Array.from(firstNano),
    lastUnixNano: Array.from(lastNano),
    metrics: metrics.map(storedMetric),
    buckets: buckets && {
      offsets: Array.from(buckets.offsets),
      stretches: Array.from(buckets.stretches),
      counts: Array.from(buckets.counts),
    },
  };
}

function storedMetric(metric: ReducedMetric): PeerMeasured {
  if ("hashes" in metric) {
    const value = { offsets: Array.from(metric.offsets), hashes: Array.from(metric.hashes) };
    return { kind: { $case: "distinct", value } };
  }
  if ("texts" in metric)
    return { kind: { $case: "texts", value: { texts: [...metric.texts], numbers: Array.from(metric.best) } } };
  const value = { numbers: Array.from(metric.numbers), results: Array.from(metric.results) };
  return { kind: { $case: "numbers", value } };
}

/** What a reduced unit is held against. */
export interface ReducedAbout {
  reduce: Reduce;
  /** Events of the unit. */
  events: number;
  /** Inclusive start and exclusive end of what was asked for. */
  startNano: bigint;
  endNano: bigint;
}

/** Of the question and unit that it is about. Throws a PeerMessageError. */
export function reducedOf(at: string, stored: StoredReduced, about: ReducedAbout): Reduced {
  const { events, cutEvents, groupBy, counts, firstUnixNano, lastUnixNano, metrics, buckets } = stored;
  const plan = planOf(about.reduce);
  const groups = counts.length;
  checked(`${at}.events`, events, `1 to ${about.events}`, events >= 1 && events <= about.events);
  checked(`${at}.cut_events`, cutEvents, `up to ${events}`, cutEvents <= events);
  checked(`${at}.counts`, groups, `up to ${GROUPS_MAX} groups`, groups <= GROUPS_MAX);
  checkAll(`${at}.counts`, counts, `up to ${events}`, (count) => count <= events);
  const fields = plan.groupBy.length;
  checked(`${at}.group_by`, groupBy.length, `${fields}, as was asked for`, groupBy.length === fields);
  for (const [field, texts] of groupBy.entries()) checkTexts(`${at}.group_by[${field}]`, texts, groups);
  checkLength(`${at}.first_unix_nano`, firstUnixNano, groups);
  checkLength(`${at}.last_unix_nano`, lastUnixNano, groups);
  const { startNano, endNano } = about;
  // Times of a group without events say nothing.
  checkAll(`${at}.first_unix_nano`, firstUnixNano, `${startNano} and later`, (time, group) => {
    return counts[group] === 0 || time >= startNano;
  });
  checkAll(`${at}.last_unix_nano`, lastUnixNano, `from its first time to before ${endNano}`, (time, group) => {
    return counts[group] === 0 || (time >= (firstUnixNano[group] ?? 0n) && time < endNano);
  });
  const asked = plan.metrics.length;
  checked(`${at}.metrics`, metrics.length, `${asked}, as was asked for`, metrics.length === asked);
  return {
    events,
    cutEvents,
    texts: groupBy.map(({ texts }) => texts),
    values: groupBy.map(({ numbers }) => Uint32Array.from(numbers)),
    counts: Uint32Array.from(counts),
    firstNano: BigInt64Array.from(firstUnixNano),
    lastNano: BigInt64Array.from(lastUnixNano),
    metrics: plan.metrics.map((metric, number) =>
      metricOf(`${at}.metrics[${number}]`, metrics[number] as PeerMeasured, metric, groups),
    ),
    buckets: bucketsOf(`${at}.buckets`, buckets, groups, about.reduce),
  };
}

function metricOf(at: string, { kind }: PeerMeasured, { kind: asked, field }: Metric, groups: number): ReducedMetric {
  const wanted = asked === "distinct" ? "distinct" : isNumeric(field) ? "numbers" : "texts";
  if (kind?.$case !== wanted) throw new PeerMessageError(`${at} is ${kind?.$case ?? "not set"}; allowed are ${wanted}`);
  if (kind.$case === "texts") {
    checkTexts(at, kind.value, groups);
    return { texts: kind.value.texts, best: Uint32Array.from(kind.value.numbers) };
  }
  if (kind.$case === "numbers") {
    const { numbers, results } = kind.value;
    checkLength(`${at}.numbers`, numbers, groups);
    checkLength(`${at}.results`, results, groups);
    checkAll(`${at}.results`, results, "finite numbers", Number.isFinite);
    return { numbers: Uint32Array.from(numbers), results: Float64Array.from(results) };
  }
  const { offsets, hashes } = kind.value;
  checkOffsets(`${at}.offsets`, offsets, groups, hashes.length);
  checkAll(`${at}.hashes`, hashes, "whole numbers of 53 bits", (hash) => Number.isSafeInteger(hash) && hash >= 0);
  return { offsets: Uint32Array.from(offsets), hashes: Float64Array.from(hashes) };
}

function bucketsOf(
  at: string,
  buckets: PeerBuckets | undefined,
  groups: number,
  { histogram }: Reduce,
): ReducedBuckets | undefined {
  if ((buckets === undefined) !== (histogram === undefined))
    throw new PeerMessageError(`${at} is ${buckets === undefined ? "not set" : "set, and was not asked for"}`);
  if (buckets === undefined) return undefined;
  const { offsets, stretches, counts } = buckets;
  checkOffsets(`${at}.offsets`, offsets, groups, stretches.length);
  checkLength(`${at}.counts`, counts, stretches.length);
  checkAll(`${at}.stretches`, stretches, `less than ${STRETCHES_MAX}`, (stretch) => stretch < STRETCHES_MAX);
  checkAll(`${at}.counts`, counts, "1 and above", (count) => count >= 1);
  return {
    offsets: Uint32Array.from(offsets),
    stretches: Uint32Array.from(stretches),
    counts: Uint32Array.from(counts),
  };
}

function checkTexts(at: string, { texts, numbers }: PeerTexts, groups: number): void {
  checkLength(`${at}.numbers`, numbers, groups);
  checkAll(`${at}.numbers`, numbers, `up to ${texts.length}`, (number) => number <= texts.length);
}

function checkOffsets(at: string, offsets: readonly number[], groups: number, length: number): void {
  checkLength(at, offsets, groups + 1);
  checked(`${at}[0]`, offsets[0], "0", offsets[0] === 0);
  checkAll(at, offsets, "ascending numbers", (offset, index) => offset >= (offsets[index - 1] ?? 0));
  checked(`${at}[${groups}]`, offsets[groups], String(length), offsets[groups] === length);
}

function checkLength(at: string, list: readonly unknown[], length: number): void {
  checked(at, list.length, `${length} items`, list.length === length);
}

function checkAll<Item>(
  at: string,
  list: readonly Item[],
  allowed: string,
  isAllowed: (item: Item, index: number) => boolean,
): void {
  const wrong = list.findIndex((item, index) => !isAllowed(item, index));
  if (wrong !== -1) checked(`${at}[${wrong}]`, list[wrong], allowed, false);
}
