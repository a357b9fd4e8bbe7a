/** `hosttrail top` and `count`: what many events say together. */
import {
  AggregateEventsRequest,
  AggregateEventsResponse,
  type AggregateGroup,
  AggregateMetric_Kind as MetricKind,
  type AnalysisServiceClient,
  type MetricValue,
} from "@hosttrail/proto/analysis";
import type { Budget } from "@hosttrail/proto/scan";
import { answers } from "../call.ts";
import { type Output, padTo } from "../output/index.ts";
import { lookedAt, type Scope, tellLack } from "../question/index.ts";
import { nanosOf, printable, timeOf } from "../text.ts";
import { line } from "./line.ts";

const METRICS: Readonly<Record<string, MetricKind>> = {
  distinct: MetricKind.DISTINCT,
  min: MetricKind.MIN,
  max: MetricKind.MAX,
  sum: MetricKind.SUM,
  average: MetricKind.AVERAGE,
};

/** What is worked out for each group, as "distinct:user.name". Throws where it is none. */
export function parseMetric(text: string): { kind: MetricKind; field: string } {
  const [, name = "", field = ""] = /^([a-z]+):(.+)$/.exec(text) ?? [];
  const kind = Object.hasOwn(METRICS, name) ? METRICS[name] : undefined;
  if (kind === undefined)
    throw new Error(`--metric is "${text}"; allowed are ${Object.keys(METRICS).join(", ")}, a colon and a field`);
  return { kind, field };
}

/** As parseMetric takes it. */
export function metricName({ kind, field }: { kind: MetricKind; field: string }): string {
  const [name] = Object.entries(METRICS).find(([, each]) => each === kind) ?? ["?"];
  return `${name}:${field}`;
}

export interface AggregateOptions extends Scope {
  filter: string;
  budget: Budget | undefined;
  groupBy: readonly string[];
  /** Seconds; 0 for no histogram. */
  intervalSeconds: number;
  metrics: readonly string[];
  /** Groups. */
  limit: number;
}

/** The whole answer; how far it is is shown meanwhile. Undefined where it was broken off. */
export async function aggregate(
  client: AnalysisServiceClient,
  { intervalSeconds, metrics, groupBy, ...asked }: AggregateOptions,
  signal: AbortSignal,
  output: Output,
): Promise<AggregateEventsResponse | undefined> {
  const request = AggregateEventsRequest.fromPartial({
    ...asked,
    groupBy: [...groupBy],
    intervalSeconds: BigInt(intervalSeconds),
    metrics: metrics.map(parseMetric),
  });
  const progress = output.progress();
  let last: AggregateEventsResponse | undefined;
  for await (const response of answers<AggregateEventsResponse>(client.aggregateEvents(request), signal)) {
    last = response;
    if (response.completeness !== undefined) progress.tell(...lookedAt(response.completeness), response.events);
  }
  progress.clear();
  if (signal.aborted) return undefined;
  if (last?.done !== true) throw new Error("the collector ended its answer before it was done");
  return last;
}

/** Prints groups as a table, or a histogram for each where there is an interval; and tells what is lacking. */
export async function showAggregate(
  client: AnalysisServiceClient,
  options: AggregateOptions,
  signal: AbortSignal,
  output: Output,
): Promise<void> {
  const answer = await aggregate(client, options, signal, output);
  if (answer === undefined) return;
  if (output.json) output.print(line(AggregateEventsResponse.toJSON(answer)));
  else if (options.intervalSeconds > 0) output.print(histograms(answer, options, output));
  else output.print(groupsTable(answer, options, output));
  if (!output.json) output.print(restOf(answer));
  tellLack(answer.completeness, output, { newestFirst: true });
}

/** A group's values; what events do not have is shown as a dash. */
function valuesOf({ values }: AggregateGroup): string[] {
  return values.map(({ text }) => (text === undefined ? "-" : printable(text)));
}

function metricText(metric: MetricValue | undefined): string {
  if (metric?.value === undefined) return "";
  const { $case, value } = metric.value;
  const text = $case === "number" ? decimal(value) : String(value);
  return printable(metric.estimated ? `~${text}` : text);
}

function decimal(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}

function groupsTable(answer: AggregateEventsResponse, options: AggregateOptions, { table }: Output): string {
  const { groupBy, metrics } = options;
  if (groupBy.length === 0 && metrics.length === 0) return `${answer.events}\n`;
  const titles = ["COUNT", ...groupBy, ...metrics, "FIRST EVENT", "LAST EVENT"];
  const rows = answer.groups.map((group) => [
    String(group.count),
    ...valuesOf(group),
    ...metrics.map((_, at) => metricText(group.metrics[at])),
    timeOf(group.firstTime),
    timeOf(group.lastTime),
  ]);
  return table([titles, ...rows], ["FIRST EVENT", "LAST EVENT"]);
}

const BAR_COLUMNS = 40;
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;

/** A bar of at most so many columns, in eighths of a column; something is never nothing. */
export function bar(value: bigint, most: bigint, columns: number): string {
  if (value <= 0n || most <= 0n) return "";
  const eighths = Math.max(1, Math.round((Number(value) / Number(most)) * columns * 8));
  return "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "");
}

/** Buckets between the first and the last, also those that have no events; at most so many empty ones after each other. */
const EMPTY_MAX = 48;

function histograms(answer: AggregateEventsResponse, options: AggregateOptions, output: Output): string {
  const most = answer.groups
    .flatMap(({ buckets }) => buckets)
    .reduce((max, { count }) => (count > max ? count : max), 0n);
  const digits = String(most).length;
  const parts = answer.groups.map((group) => {
    const head = options.groupBy.map((field, at) => `${field} ${valuesOf(group)[at] ?? ""}`).join(", ");
    const title = head === "" ? "" : `${output.paint("bold", head)}: ${group.count}\n`;
    return title + bucketLines(group, options.intervalSeconds, most, digits, output);
  });
  return parts.length === 0 ? "no events\n" : parts.join("\n");
}

function bucketLines(
  { buckets }: AggregateGroup,
  intervalSeconds: number,
  most: bigint,
  digits: number,
  { paint }: Output,
): string {
  const lines: string[] = [];
  const interval = BigInt(intervalSeconds) * 1_000_000_000n;
  let before: bigint | undefined;
  for (const { startTime, count } of buckets) {
    if (startTime === undefined) continue;
    const start = nanosOf(startTime);
    lines.push(...emptyBetween(before, start, interval, digits));
    before = start;
    const text = paint("cyan", bar(count, most, BAR_COLUMNS));
    lines.push(`${timeOf(startTime)}  ${String(count).padStart(digits)}  ${text}`.trimEnd());
  }
  return lines.map((text) => `${text}\n`).join("");
}

function emptyBetween(before: bigint | undefined, start: bigint, interval: bigint, digits: number): string[] {
  if (before === undefined) return [];
  const empty = (start - before) / interval - 1n;
  if (empty > BigInt(EMPTY_MAX)) return [`… nothing for ${empty} intervals`];
  return Array.from({ length: Math.max(0, Number(empty)) }, (_, at) => {
    const nanos = (before ?? 0n) + interval * BigInt(at + 1);
    const time = { seconds: nanos / 1_000_000_000n, nanos: Number(nanos % 1_000_000_000n) };
    return `${padTo(timeOf(time), 0)}  ${"0".padStart(digits)}`;
  });
}

/** What is not told, and how sure it is. */
function restOf({ groupsLeftOut, eventsLeftOut, approximate, countErrorMax }: AggregateEventsResponse): string {
  const parts: string[] = [];
  if (groupsLeftOut > 0n) parts.push(`… ${groupsLeftOut} more groups with ${eventsLeftOut} events; see --limit\n`);
  if (approximate) {
    const error = countErrorMax > 0n ? `, and counts may be too low by ${countErrorMax}` : "";
    parts.push(`there were more groups than are counted at once: the rarest may be missing${error}\n`);
  }
  return parts.join("");
}
