/** Commands about how long things are kept, what is held, and what was dropped. */
import {
  type HostRecord,
  ListHostsRequest,
  type ListHostsResponse,
  type QueryServiceClient,
} from "@hosttrail/proto/query";
import {
  CreateHoldResponse,
  type DeleteRetentionPolicyResponse,
  DroppedEpoch,
  DropState,
  Hold,
  type ListDropsResponse,
  type ListHoldsResponse,
  type ListRetentionPoliciesResponse,
  PlannedDay,
  type PlanRetentionResponse,
  RetentionForecast,
  RetentionKind,
  RetentionPolicy,
  type RetentionServiceClient,
} from "@hosttrail/proto/retention";
import { answers, call } from "../call.ts";
import { labelsOf, parseLabels } from "../labels.ts";
import type { Output } from "../output/index.ts";
import { oneHost } from "../question/index.ts";
import { printable, timeOf } from "../text.ts";
import { parseDuration } from "../time.ts";
import { parseSeverity, severityName } from "./alerts.ts";

const KINDS: Readonly<Record<string, RetentionKind>> = {
  events: RetentionKind.EVENTS,
  alerts: RetentionKind.ALERTS,
  "api-audit": RetentionKind.API_AUDIT,
  "detection-gaps": RetentionKind.DETECTION_GAPS,
};
/** What policies can be about. */
export const RETENTION_KIND_NAMES: readonly string[] = Object.keys(KINDS);

const STATES: Readonly<Record<number, string>> = {
  [DropState.NOTED]: "about to go",
  [DropState.DONE]: "dropped",
  [DropState.WITHDRAWN]: "kept after all",
};
const SECONDS_OF_DAY = 86_400;
const PAGE_SIZE = 1000;
/** Hosts whose names are asked for, at most; the others are shown by their ids. */
const NAMES_MAX = 1000;

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

function nameOfKind(kind: RetentionKind): string {
  return Object.keys(KINDS).find((name) => KINDS[name] === kind) ?? "";
}

/** "20260131" as people write it. */
function dayText(day: string): string {
  return day.replace(/^(\d{4})(\d{2})(\d{2})$/, "$1-$2-$3");
}

/** A UTC day as the API has it; empty stays empty. */
function parseDay(option: string, text: string): string {
  if (text === "") return "";
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  if (year === undefined) throw new Error(`${option} is "${text}"; it must be a UTC day as 2026-01-31`);
  return `${year}${month}${day}`;
}

const POLICY_HEADER = ["POLICY", "KEEPS", "OF", "DAYS", "SET BY", "SET"];

function policyRow({ name, kind, labels, severityMin, keepDays, author, updateTime }: RetentionPolicy): string[] {
  const of = [
    ...(labelsOf(labels) === "" ? [] : [`label ${labelsOf(labels)}`]),
    ...(severityName(severityMin) === "" ? [] : [`${severityName(severityMin)} or worse`]),
  ].join("; ");
  const others = name === nameOfKind(kind) ? "all others" : "";
  return [name, nameOfKind(kind), of || others, String(keepDays), author || "default", timeOf(updateTime)].map(
    printable,
  );
}

/** `hosttrail retention list` */
export async function listPolicies(client: RetentionServiceClient, { json, print, table }: Output): Promise<void> {
  const { policies } = await call<ListRetentionPoliciesResponse>((done) => client.listRetentionPolicies({}, done));
  if (json) for (const policy of policies) print(line(RetentionPolicy.toJSON(policy)));
  else print(table([POLICY_HEADER, ...policies.map(policyRow)]));
}

export interface PolicyOptions {
  name: string;
  for: string;
  keep: string;
  labels: readonly string[];
  severity: string;
  confirm: number;
}

/** `hosttrail retention set` */
export async function setPolicy(
  client: RetentionServiceClient,
  { name, keep, labels, severity, confirm, ...options }: PolicyOptions,
  { json, print, table }: Output,
): Promise<void> {
  // A policy that is always there says by its name what it is for.
  const about = options.for === "" ? (name in KINDS ? name : "events") : options.for;
  const seconds = parseDuration("--keep", keep);
  if (seconds % SECONDS_OF_DAY !== 0) throw new Error(`--keep is "${keep}"; it must be whole days, as 90d`);
  const policy = RetentionPolicy.fromPartial({
    name,
    kind: KINDS[about] ?? RetentionKind.UNSPECIFIED,
    labels: parseLabels("--label", labels),
    severityMin: severity === "" ? 0 : parseSeverity("--severity", severity),
    keepDays: seconds / SECONDS_OF_DAY,
  });
  const set = await call<RetentionPolicy>((done) =>
    client.putRetentionPolicy({ policy, confirmPercent: confirm }, done),
  );
  print(json ? line(RetentionPolicy.toJSON(set)) : table([POLICY_HEADER, policyRow(set)]));
}

/** `hosttrail retention remove` */
export async function removePolicy(client: RetentionServiceClient, name: string, confirm: number): Promise<void> {
  await call<DeleteRetentionPolicyResponse>((done) =>
    client.deleteRetentionPolicy({ name, confirmPercent: confirm }, done),
  );
}

interface PlanClients {
  retention: RetentionServiceClient;
  query: QueryServiceClient;
}

/** `hosttrail retention plan` */
export async function planRetention(
  { retention, query }: PlanClients,
  all: boolean,
  signal: AbortSignal,
  { json, print, table }: Output,
): Promise<void> {
  const days: PlannedDay[] = [];
  let forecast: RetentionForecast | undefined;
  for await (const { part } of answers<PlanRetentionResponse>(retention.planRetention({ all }), signal)) {
    if (part?.$case === "forecast") forecast = part.value;
    else if (part === undefined) continue;
    else if (json) print(line({ day: PlannedDay.toJSON(part.value) }));
    else days.push(part.value);
  }
  if (forecast === undefined) throw new Error("the collector ended before it told what all comes to");
  if (json) return print(line({ forecast: RetentionForecast.toJSON(forecast) }));
  const names = await namesOf(query, new Set(days.map(({ hostId }) => hostId)));
  const header = ["DAY", "HOST", "EVENTS", "BLOCKS", "BYTES", "POLICY", "KEPT UNTIL", "HELD BY", "DROPPED FROM"];
  if (days.length > 0) print(table([header, ...days.map((day) => dayRow(day, names))]));
  else print("Nothing is due, and nothing is held.\n");
  print("\n");
  print(table([FORECAST_HEADER, ...forecast.policies.map(forecastRow)]));
  print(`\n${dueText(forecast)}\n${diskText(forecast)}\n`);
}

function dayRow(day: PlannedDay, names: ReadonlyMap<string, string>): string[] {
  const { hostId, events, blocks, bytes, policy, keepUntilTime, holdId, dropTime } = day;
  const host = names.get(hostId) ?? hostId;
  const counts = [events, blocks, bytes].map(String);
  return [dayText(day.day), host, ...counts, policy, timeOf(keepUntilTime), holdId, timeOf(dropTime)].map(printable);
}

const FORECAST_HEADER = ["POLICY", "KEEPS", "HOSTS", "DAYS", "EVENTS", "BYTES", "BYTES A DAY", "BYTES WHEN FULL"];

function forecastRow(each: RetentionForecast["policies"][number]): string[] {
  const { policy, keepDays, hosts, days, events, bytes, bytesADay, bytesWhenFull } = each;
  return [policy, `${keepDays}d`, ...[hosts, days, events, bytes, bytesADay, bytesWhenFull].map(String)].map(printable);
}

function dueText({ dueEvents, dueBytes }: RetentionForecast): string {
  return dueEvents === 0n ? "Nothing is due." : `Due: ${dueEvents} events, ${dueBytes} bytes.`;
}

function diskText({ diskUsedBytes, diskTotalBytes, diskFullTime }: RetentionForecast): string {
  if (diskTotalBytes === 0n) return "The database does not tell of its disk.";
  const used = `Disk: ${diskUsedBytes} of ${diskTotalBytes} bytes are used`;
  if (diskFullTime === undefined) return `${used}; it does not fill, or too little is known.`;
  return `${used}; as it filled lately, it is full on ${timeOf(diskFullTime).slice(0, 10)}.`;
}

async function namesOf(client: QueryServiceClient, ids: ReadonlySet<string>): Promise<Map<string, string>> {
  const hostIds = [...ids].slice(0, NAMES_MAX);
  if (hostIds.length === 0) return new Map();
  const request = ListHostsRequest.fromPartial({ pageSize: NAMES_MAX, hosts: { hostIds } });
  const { hosts } = await call<ListHostsResponse>((done) => client.listHosts(request, done));
  return new Map(hosts.filter(({ name }: HostRecord) => name !== "").map(({ hostId, name }) => [hostId, name]));
}

/** `hosttrail retention drops` */
export async function listDrops(
  { retention, query }: PlanClients,
  host: string,
  limit: number,
  { json, print, table }: Output,
): Promise<void> {
  const hostId = host === "" ? "" : await oneHost(query, host);
  const rows = [["DAY", "HOST", "EPOCH", "FIRST", "LAST", "EVENTS", "BYTES", "POLICY", "BY", "TIME", "STATE"]];
  let left = limit;
  for (let pageToken = ""; ; ) {
    const pageSize = Math.min(left, PAGE_SIZE);
    const request = { pageSize, pageToken, hostId };
    const { drops, nextPageToken } = await call<ListDropsResponse>((done) => retention.listDrops(request, done));
    for (const drop of drops.slice(0, left)) {
      if (json) print(line(DroppedEpoch.toJSON(drop)));
      rows.push(dropRow(drop));
    }
    left -= drops.length;
    pageToken = nextPageToken;
    if (pageToken === "" || left <= 0) break;
  }
  if (!json) print(table(rows));
}

function dropRow(drop: DroppedEpoch): string[] {
  const { hostId, epoch, firstSeq, lastSeq, events, bytes, policy, actor, dropTime, state } = drop;
  const numbers = [firstSeq, lastSeq, events, bytes].map(String);
  const by = [policy, actor, timeOf(dropTime), STATES[state] ?? ""];
  return [dayText(drop.day), hostId, epoch, ...numbers, ...by].map(printable);
}

const HOLD_HEADER = ["ID", "FROM", "TO", "OF", "REASON", "SET BY", "SET", "RELEASED BY", "RELEASED", "WHY"];

function holdRow(hold: Hold): string[] {
  const { id, hostIds, labels, firstDay, lastDay, reason, creator, createTime } = hold;
  const { releaser, releaseTime, releaseReason } = hold;
  const of = [
    ...hostIds.map((host) => `host ${host}`),
    ...(labelsOf(labels) === "" ? [] : [`label ${labelsOf(labels)}`]),
  ].join("; ");
  const set = [reason, creator, timeOf(createTime), releaser, timeOf(releaseTime), releaseReason];
  return [id, dayText(firstDay), dayText(lastDay), of, ...set].map(printable);
}

/** `hosttrail hold list` */
export async function listHolds(
  client: RetentionServiceClient,
  showReleased: boolean,
  { json, print, table }: Output,
): Promise<void> {
  const rows = [HOLD_HEADER];
  for (let pageToken = ""; ; ) {
    const request = { pageSize: PAGE_SIZE, pageToken, showReleased };
    const { holds, nextPageToken } = await call<ListHoldsResponse>((done) => client.listHolds(request, done));
    for (const hold of holds) {
      if (json) print(line(Hold.toJSON(hold)));
      rows.push(holdRow(hold));
    }
    pageToken = nextPageToken;
    if (pageToken === "") break;
  }
  if (!json) print(table(rows));
}

export interface HoldOptions {
  hosts: readonly string[];
  labels: readonly string[];
  from: string;
  to: string;
  reason: string;
}

/** `hosttrail hold create` */
export async function createHold(
  { retention, query }: PlanClients,
  { hosts, labels, from, to, reason }: HoldOptions,
  { json, print, table, lack }: Output,
): Promise<void> {
  const hostIds: string[] = [];
  for (const host of hosts) hostIds.push(await oneHost(query, host));
  const request = {
    hostIds,
    labels: parseLabels("--label", labels),
    firstDay: parseDay("--from", from),
    lastDay: parseDay("--to", to),
    reason,
  };
  const created = await call<CreateHoldResponse>((done) => retention.createHold(request, done));
  if (json) print(line(CreateHoldResponse.toJSON(created)));
  else print(table([HOLD_HEADER, ...(created.hold === undefined ? [] : [holdRow(created.hold)])]));
  const days = created.droppingDays.map(dayText).map(printable);
  if (days.length > 0) lack(`these days are being dropped in this moment, and may be gone: ${days.join(", ")}`);
}

/** `hosttrail hold release` */
export async function releaseHold(
  client: RetentionServiceClient,
  id: string,
  reason: string,
  { json, print, table }: Output,
): Promise<void> {
  const hold = await call<Hold>((done) => client.releaseHold({ id, reason }, done));
  print(json ? line(Hold.toJSON(hold)) : table([HOLD_HEADER, holdRow(hold)]));
}
