/** What is known of cost by what the collector has stored. */
import { loadFleet } from "@hosttrail/integrations/spec";
import {
  CAPACITY,
  type HostForecast,
  type KeyForecast,
  type MeasuredDay,
  measuredHost,
  NO_KEY,
  quantileOf,
  scaled,
  withShare,
} from "@hosttrail/lib/cost";
import { readRules, type RuleCollection, type RuleFile } from "@hosttrail/lib/sigma";
import type { AggregateGroup, AnalysisServiceClient } from "@hosttrail/proto/analysis";
import type { CostServiceClient, DayCost, DiskForecast, HostCost, ListHostCostsResponse } from "@hosttrail/proto/cost";
import type { ListRulesetsResponse, ListRulesResponse, Ruleset, RuleServiceClient } from "@hosttrail/proto/rule";
import { call } from "../call.ts";
import type { Output } from "../output/index.ts";
import { readPlaceholders } from "../rulefiles.ts";
import { timeOf } from "../text.ts";
import { parseTime } from "../time.ts";
import { aggregate } from "./aggregate.ts";
import { forecastOf, groupsOf, printForecast, rulesAt } from "./cost.ts";
import type { CostOptions, KnownCost } from "./costforecast.ts";
import { bytesText } from "./costtext.ts";

interface Clients {
  cost: CostServiceClient;
  analysis: AnalysisServiceClient;
  rules: RuleServiceClient;
}

const PAGE_SIZE = 200;
const HOUR_SECONDS = 3600;
const DAY_HOURS = 24;
const KEYS_MAX = 200;
const PROGRAMS_MAX = 50;
/** Rulesets that are asked for their rules. */
const RULESETS_MAX = 100;

/** `hosttrail cost forecast` without samples: forecasts by the last whole days, rules and programs by the last 24 hours. */
export async function forecastMeasured(
  clients: Clients,
  options: CostOptions,
  signal: AbortSignal,
  output: Output,
): Promise<void> {
  const fleet = options.spec === "" ? undefined : loadFleet(options.spec);
  const { hostCosts, disk } = await allCosts(clients.cost, signal);
  const hosts = hostCosts.flatMap((cost) => {
    const name = cost.hostName === "" ? cost.hostId : cost.hostName;
    return measuredHost(name, groupsOf(fleet, name), cost.days.map(dayOf), CAPACITY.restOverhead) ?? [];
  });
  const keepDays = Math.max(1, ...hostCosts.map((cost) => cost.keepDays));
  const [keys, programs] = await lastDay(clients.analysis, signal, output);
  if (keys === undefined || programs === undefined) return;
  const left = 1 - keys.filter(({ key }) => options.without.includes(key)).reduce((sum, { share }) => sum + share, 0);
  const known: KnownCost = {
    basis: `by what is stored of ${hosts.length} hosts, up to 14 whole days; keys and programs of the last 24 hours`,
    hosts: hosts.map((host) => withShare(host, Math.max(0, left))),
    keys: keysOf(keys, hosts, options.without),
    programs: programs.flatMap(programOf).filter(({ key }) => !options.without.includes(key)),
    diskFull: diskText(disk),
    notes: measuredNotes(hostCosts, options),
  };
  const rules =
    options.detections.length > 0 ? rulesAt(options) : await enabledRules(clients.rules, options.placeholders);
  const retentionDays = options.retentionDays ?? keepDays;
  printForecast(forecastOf(fleet, known, { ...options, retentionDays }, rules), output);
}

function dayOf({ day, events, bytes, hourEvents }: DayCost): MeasuredDay {
  // An older collector tells none.
  const hours = hourEvents.length === DAY_HOURS ? hourEvents.map(Number) : undefined;
  return { day, events: Number(events), bytes: Number(bytes), hours };
}

async function allCosts(
  client: CostServiceClient,
  signal: AbortSignal,
): Promise<{ hostCosts: HostCost[]; disk: DiskForecast | undefined }> {
  const hostCosts: HostCost[] = [];
  let disk: DiskForecast | undefined;
  let pageToken = "";
  do {
    const request = { pageSize: PAGE_SIZE, pageToken, days: 0, hosts: undefined, withHours: true };
    const page = await call<ListHostCostsResponse>((done) => client.listHostCosts(request, done));
    hostCosts.push(...page.hostCosts);
    disk ??= page.disk;
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && !signal.aborted);
  return { hostCosts, disk };
}

/** A key's events, all of them and hour by hour. */
interface KeyDay {
  key: string;
  share: number;
  hourly: number[];
}

/** Undefined where it was broken off. */
async function lastDay(
  client: AnalysisServiceClient,
  signal: AbortSignal,
  output: Output,
): Promise<[KeyDay[] | undefined, AggregateGroup[] | undefined]> {
  const nowMs = Date.now();
  const about = {
    filter: "",
    budget: undefined,
    metrics: [],
    hosts: undefined,
    startTime: parseTime("24h", nowMs),
    endTime: parseTime("0s", nowMs),
  };
  const hourly = { ...about, groupBy: ["audit.key"], intervalSeconds: HOUR_SECONDS, limit: KEYS_MAX };
  const keys = await aggregate(client, hourly, signal, output);
  const byProgram = { ...about, groupBy: ["process.executable", "audit.key"], intervalSeconds: 0, limit: PROGRAMS_MAX };
  const programs = await aggregate(client, byProgram, signal, output);
  for (const answer of [keys, programs])
    if (answer !== undefined && answer.completeness?.complete === false)
      output.lack("not all events of the last 24 hours were looked at: shares of keys and programs may be others");
  const total = Number(keys?.events ?? 0n);
  const days = keys?.groups.map(
    (group): KeyDay => ({
      key: group.values[0]?.text ?? NO_KEY,
      share: total === 0 ? 0 : Number(group.count) / total,
      hourly: [
        ...group.buckets.map(({ count }) => Number(count)),
        ...new Array<number>(Math.max(0, DAY_HOURS - group.buckets.length)).fill(0),
      ],
    }),
  );
  return [days, programs?.groups];
}

function keysOf(days: readonly KeyDay[], hosts: readonly HostForecast[], without: readonly string[]): KeyForecast[] {
  const events = hosts.reduce((sum, host) => sum + host.events.mid, 0);
  const restBytes = hosts.reduce((sum, host) => sum + (host.restBytes?.mid ?? 0), 0);
  const exactly = (value: number): { low: number; mid: number; high: number } => ({
    low: value,
    mid: value,
    high: value,
  });
  return days
    .filter(({ key }) => !without.includes(key))
    .map(({ key, share, hourly }) => ({
      key,
      p50: quantileOf(hourly, 0.5) / HOUR_SECONDS,
      p90: quantileOf(hourly, 0.9) / HOUR_SECONDS,
      events: scaled(exactly(events), share),
      wireBytes: undefined,
      restBytes: scaled(exactly(restBytes), share),
      share,
    }));
}

function programOf({
  values,
  count,
}: AggregateGroup): { executable: string; key: string; events: number; bytes: number }[] {
  const [executable, key] = [values[0]?.text, values[1]?.text];
  return executable === undefined ? [] : [{ executable, key: key ?? NO_KEY, events: Number(count), bytes: 0 }];
}

function diskText(disk: DiskForecast | undefined): string | undefined {
  if (disk === undefined) return "The database does not tell of its disk, or it is not for you to see.";
  const used = `Disk: ${bytesText(Number(disk.usedBytes))} of ${bytesText(Number(disk.totalBytes))} are used`;
  if (disk.fullTime === undefined) return `${used}; it does not fill, or too little is known`;
  return `${used}; as it filled lately, disk full on ${timeOf(disk.fullTime).slice(0, 10)}`;
}

function measuredNotes(costs: readonly HostCost[], { without }: CostOptions): string[] {
  const unseen = costs.filter(({ days }) => days.length === 0).length;
  return [
    ...(unseen > 0 ? [`${unseen} hosts have no whole day that is stored: they are not in it`] : []),
    ...(without.length > 0 ? ["keys that are left out are taken to have the same share on each host"] : []),
    "events a second are those of whole hours: minutes of an hour may have many more",
    "bytes on the wire, processor and memory of agents are not stored: samples measure them",
    "a key's bytes are its share of events: events of some keys are longer than others",
  ];
}

/** Rules that run on the collector. */
async function enabledRules(client: RuleServiceClient, placeholders: string): Promise<RuleCollection> {
  const { rulesets } = await call<ListRulesetsResponse>((done) => client.listRulesets({}, done));
  const files: RuleFile[] = [];
  for (const { name, enabled } of rulesets.slice(0, RULESETS_MAX)) {
    if (!enabled) continue;
    const ruleset = await call<Ruleset>((done) => client.getRuleset({ name }, done));
    files.push(...ruleset.files.map(({ path, text }) => ({ path: `${name}/${path}`, text })));
  }
  const off = await disabledRules(client);
  const collection = readRules(files, { placeholders: readPlaceholders(placeholders) });
  return { ...collection, rules: collection.rules.filter(({ file, line }) => !off.has(`${file}:${line}`)) };
}

async function disabledRules(client: RuleServiceClient): Promise<Set<string>> {
  const off = new Set<string>();
  let pageToken = "";
  do {
    const request = { pageSize: 1000, pageToken, ruleset: "" };
    const page = await call<ListRulesResponse>((done) => client.listRules(request, done));
    for (const { rule, file, line, enabled } of page.rules)
      if (!enabled) off.add(`${rule?.ruleset ?? ""}/${file}:${line}`);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return off;
}
