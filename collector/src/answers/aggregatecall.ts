/** Answers AggregateEvents: what is known so far every second, and all of it at the end. */
import { compileFilter, type Field, FIELDS } from "@hosttrail/lib/predicate";
import { nearest } from "@hosttrail/lib/spelling";
import {
  AggregateMetric_Kind as Kind,
  type AggregateEventsRequest,
  type AggregateEventsResponse,
  type AggregateMetric,
} from "@hosttrail/proto/analysis";
import { rangeOf, type TimeRange } from "../ask/index.ts";
import { isNumeric, type MetricKind, planOf, type Reduce, reduceEvents } from "../reduce/index.ts";
import { completenessOf } from "../scan/index.ts";
import { invalidField, type Sink, type Visit } from "../serve/index.ts";
import { Aggregation } from "./aggregate/index.ts";
import { countOf } from "./asked.ts";
import type { Reading } from "./reading.ts";
import type { AnswerSource } from "./source.ts";
import { SECOND_NANO } from "./times.ts";

const LIMIT = { none: 10, most: 10_000 };
const GROUP_BY_MAX = 4;
const METRICS_MAX = 8;
const BUCKETS_MAX = 10_000n;
const PROGRESS_MS = 1000;

export async function aggregate(
  source: AnswerSource,
  request: AggregateEventsRequest,
  visit: Visit,
  { reading, sink }: { reading: Reading; sink: Sink<AggregateEventsResponse> },
): Promise<void> {
  const filter = compileFilter(request.filter);
  const range = rangeOf(request);
  const reduce = reduceOf(request, range);
  const plan = planOf(reduce);
  const aggregation = new Aggregation(plan, countOf("limit", request.limit, LIMIT));
  const hosts = await source.finder.select(request, visit.hosts, range);
  const answer = (done: boolean): AggregateEventsResponse => ({
    ...aggregation.answer(!done),
    completeness: completenessOf(reading.report),
    done,
  });
  let toldMs = performance.now();
  await reading.eachReduced(
    { filter, hosts, ...range, order: "any", reduce },
    (part) => {
      // Who lost the right to see a host while this went on sees nothing more of it.
      if (!sink.isVisible(part.unit.hostId)) return;
      const all = "reduced" in part ? [part.reduced] : reduceEvents(part.events, part.matches, plan);
      for (const reduced of all) aggregation.add(reduced);
    },
    () => {
      // Who does not read is told later, of more at once.
      if (performance.now() - toldMs < PROGRESS_MS || sink.isFull) return;
      toldMs = performance.now();
      // Where the call has ended the last answer says so.
      sink.write(answer(false)).catch(() => undefined);
    },
  );
  const last = answer(true);
  await sink.write(last);
  sink.results = last.groups.length;
}

function reduceOf(request: AggregateEventsRequest, range: TimeRange): Reduce {
  const { groupBy, metrics } = request;
  if (groupBy.length > GROUP_BY_MAX) throw invalidField("group_by", groupBy.length, `up to ${GROUP_BY_MAX} fields`);
  if (metrics.length > METRICS_MAX) throw invalidField("metrics", metrics.length, `up to ${METRICS_MAX} metrics`);
  for (const [at, name] of groupBy.entries()) fieldOf(`group_by[${at}]`, name);
  return {
    groupBy,
    metrics: metrics.map(metricOf),
    histogram: histogramOf(request.intervalSeconds, request.startTime !== undefined, range),
  };
}

function fieldOf(place: string, name: string): Field {
  const field = FIELDS.get(name);
  if (field === undefined)
    throw invalidField(place, name, `fields of events by their ECS names${nearest(name, FIELDS.keys())}`);
  return field;
}

const KINDS: Readonly<Partial<Record<Kind, MetricKind>>> = {
  [Kind.DISTINCT]: "distinct",
  [Kind.MIN]: "min",
  [Kind.MAX]: "max",
  [Kind.SUM]: "sum",
  [Kind.AVERAGE]: "average",
};

function metricOf({ kind: asked, field: name }: AggregateMetric, at: number): Reduce["metrics"][number] {
  const kind = KINDS[asked];
  if (kind === undefined) throw invalidField(`metrics[${at}].kind`, asked, "1 to 5");
  const field = fieldOf(`metrics[${at}].field`, name);
  if ((kind === "sum" || kind === "average") && !isNumeric(field))
    throw invalidField(`metrics[${at}].field`, name, `fields whose values are numbers: of others there is no ${kind}`);
  return { kind, field: name };
}

function histogramOf(interval: bigint, hasStart: boolean, { startNano, endNano }: TimeRange): Reduce["histogram"] {
  if (interval === 0n) return undefined;
  if (interval < 0n) throw invalidField("interval_seconds", interval, "0 for no histogram, else 1 and above");
  const seconds = (endNano - 1n - startNano) / SECOND_NANO + 1n;
  if (seconds / interval + 1n > BUCKETS_MAX) {
    const least = seconds / (BUCKETS_MAX - 1n) + 1n;
    const advice = hasStart ? "or a shorter time range" : "or a start_time: without one it is all that is kept";
    throw invalidField(
      "interval_seconds",
      interval,
      `${least} and above for ${BUCKETS_MAX} buckets at most, ${advice}`,
    );
  }
  const startSecond = floorSecond(startNano);
  const width = Number(interval);
  return { seconds: width, firstStretch: Math.floor(startSecond / width) };
}

function floorSecond(timeNano: bigint): number {
  const second = timeNano / SECOND_NANO;
  return Number(timeNano < 0n && second * SECOND_NANO !== timeNano ? second - 1n : second);
}
