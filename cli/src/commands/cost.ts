/** `hosttrail cost forecast`: what auditing will cost, by samples of hosts or by what the collector has stored. */
import { allAuditRules, auditRulesOf, type Fleet, fleetOfHost, loadFleet } from "@hosttrail/integrations/spec";
import {
  AGENT_KEY,
  billOf,
  CAPACITY,
  forecastHost,
  type HostForecast,
  likeOthers,
  NO_KEY,
  needsOf,
  readPrices,
  readSample,
  scaledKey,
  type SampledProgram,
  sumHosts,
} from "@hosttrail/lib/cost";
import { exclusionOf, readAuditRules } from "@hosttrail/lib/detect";
import { readRules, type RuleCollection } from "@hosttrail/lib/sigma";
import type { Output } from "../output/index.ts";
import { readPlaceholders, ruleFiles } from "../rulefiles.ts";
import { sampleFiles } from "../samplefiles.ts";
import type { CostForecast, CostOptions, KnownCost, Suggestion } from "./costforecast.ts";
import { showForecast } from "./costtext.ts";

/** As retention is where nobody sets it. */
const KEEP_DAYS = 30;
const NO_GROUP = "(no group)";
const SUGGESTIONS_MAX = 5;
/** Programs that make less are no way to save. */
const SHARE_MIN = 0.05;
const HOSTS_MAX = 1_000_000;

/** Forecasts from samples and prints it. */
export function forecastSamples(options: CostOptions, output: Output): void {
  const fleet = options.spec === "" ? undefined : loadFleet(options.spec);
  const asked = { ...options, retentionDays: options.retentionDays ?? KEEP_DAYS };
  const rules = options.detections.length === 0 ? undefined : rulesAt(options);
  printForecast(forecastOf(fleet, knownBySamples(fleet, options), asked, rules), output);
}

/** Rules in the files that were named. */
export function rulesAt({ detections, placeholders }: CostOptions): RuleCollection {
  return readRules(ruleFiles(detections), { placeholders: readPlaceholders(placeholders) });
}

export function printForecast(found: CostForecast, output: Output): void {
  if (output.json) output.print(`${JSON.stringify(found)}\n`);
  else showForecast(found, output);
}

function knownBySamples(fleet: Fleet | undefined, { samples, without }: CostOptions): KnownCost {
  const read = samples.flatMap(sampleFiles).map(readSample);
  const byHost = Map.groupBy(read, ({ host }) => host);
  const about = { without: new Set(without), restOverhead: CAPACITY.restOverhead };
  const hosts = Array.from(byHost, ([host, own]) => forecastHost(own, groupsOf(fleet, host), about));
  const minutes = hosts.reduce((sum, each) => sum + each.minutes, 0);
  return {
    basis: `samples: ${read.length}, of hosts: ${hosts.length}, minutes in all: ${minutes}`,
    hosts,
    programs: hosts.flatMap(({ programs }) => programs),
    diskFull: undefined,
    notes: [
      ...(fleet === undefined
        ? []
        : unseenKeys(
            fleet,
            read.flatMap(({ keys, ruleKeys }) => [...keys, ...ruleKeys]),
          )),
      "the agent's messages about its own state, TLS, HTTP/2 and TCP are not in the bytes on the wire",
      "the processor time is of a sampler, which makes each event anew; the agent knows repetitions and takes less",
    ],
  };
}

/** Keys of the fleet's rules that no sample had: nobody knows what they would make. */
function unseenKeys(fleet: Fleet, seen: readonly string[]): string[] {
  const { rules } = readAuditRules(auditRulesOf(fleet));
  const keys = [...new Set(rules.flatMap((rule) => rule.keys))].filter((key) => !seen.includes(key));
  return keys.length === 0 ? [] : [`no sample has seen rule keys of the spec, nor had their rules: ${keys.join(", ")}`];
}

export function groupsOf(fleet: Fleet | undefined, host: string): readonly string[] {
  return fleet === undefined ? [] : fleetOfHost(fleet, host).groups;
}

/** Puts it all together. Throws where nothing is known of any host. */
export function forecastOf(
  fleet: Fleet | undefined,
  known: KnownCost,
  options: CostForecast["options"],
  rules: RuleCollection | undefined,
): CostForecast {
  const others = Object.keys(fleet?.hosts ?? {}).filter((name) => !known.hosts.some((each) => isHost(each.host, name)));
  const like = others.flatMap((name) => likeOthers(name, groupsOf(fleet, name), known.hosts) ?? []);
  const hosts = [...known.hosts, ...like];
  if (hosts.length === 0)
    throw new Error("nothing is known of any host: give --sample FILE, or a collector that has stored a whole day");
  const factor = factorOf(options.hosts, hosts.length);
  const sum = sumHosts(hosts, factor);
  const all = known.keys === undefined ? sum : { ...sum, keys: known.keys.map((key) => scaledKey(key, factor)) };
  const byGroup = Map.groupBy(
    hosts.flatMap((host) => (host.groups.length === 0 ? [NO_GROUP] : host.groups).map((name) => ({ name, host }))),
    ({ name }) => name,
  );
  const needs = needsOf(all, {
    retentionDays: options.retentionDays,
    outageHours: options.outageHours,
    replicas: fleet?.servers.nats.replicas ?? 1,
  });
  return {
    options,
    basis: known.basis,
    hosts,
    groups: Array.from(byGroup, ([name, of]) => {
      const { keys: _keys, ...sum } = sumHosts(
        of.map(({ host }) => host),
        factor,
      );
      return { name, ...sum };
    }),
    fleet: all,
    needs,
    suggestions: suggestionsOf(fleet, known, rules),
    bill: options.prices === "" ? undefined : billOf(readPrices(options.prices), all, needs),
    diskFull: known.diskFull,
    notes: notesOf(hosts, known.notes),
  };
}

/** One name may have the domain that the other one lacks. */
function isHost(host: string, name: string): boolean {
  return host === name || host.split(".")[0] === name;
}

function factorOf(text: string, hosts: number): number {
  if (text === "") return 1;
  const times = /^(\d+(?:\.\d+)?)x$/.exec(text)?.[1];
  const count = times === undefined ? Number(text) : Number(times) * hosts;
  const isWhole = times !== undefined || Number.isInteger(count);
  if (isWhole && count > 0 && count <= HOSTS_MAX) return count / hosts;
  throw new Error(
    `--hosts is "${text}"; allowed are a number of hosts up to ${HOSTS_MAX}, or how many times as many, as 2x`,
  );
}

function suggestionsOf(
  fleet: Fleet | undefined,
  { programs, hosts }: KnownCost,
  rules: RuleCollection | undefined,
): Suggestion[] {
  const audit = readAuditRules(fleet === undefined ? allAuditRules() : auditRulesOf(fleet));
  const isChecked = rules !== undefined;
  const collection: Pick<RuleCollection, "rules"> = rules ?? { rules: [] };
  // Of samples, all events and not those of a day: programs are counted so.
  const total = programs.reduce((sum, { events }) => sum + events, 0);
  if (total === 0 || hosts.length === 0) return [];
  const found: Suggestion[] = [];
  for (const { executable, key, events } of mostOf(programs)) {
    const share = events / total;
    if (share < SHARE_MIN || found.length >= SUGGESTIONS_MAX) break;
    if (key === NO_KEY || key === AGENT_KEY) continue;
    const exclusion = exclusionOf(collection, audit, { key, executable });
    if (exclusion === undefined) continue;
    const blinds = exclusion.blinds.map(({ name, title }) => name || title);
    found.push({ executable, key, share, lines: exclusion.lines, blinds, isChecked });
  }
  return found;
}

function mostOf(programs: readonly SampledProgram[]): SampledProgram[] {
  const sums = Map.groupBy(programs, ({ executable, key }) => `${key} ${executable}`);
  return Array.from(
    sums.values(),
    (same): SampledProgram => ({
      executable: same[0]?.executable ?? "",
      key: same[0]?.key ?? "",
      events: same.reduce((sum, { events }) => sum + events, 0),
      bytes: same.reduce((sum, { bytes }) => sum + bytes, 0),
    }),
  ).sort((a, b) => b.events - a.events);
}

/** What several hosts lack is told once, with their number. */
function notesOf(hosts: readonly HostForecast[], more: readonly string[]): string[] {
  const byNote = Map.groupBy(
    hosts.flatMap(({ host, notes }) => notes.map((note) => ({ host, note }))),
    ({ note }) => note,
  );
  const told = Array.from(byNote, ([note, of]) => `${of.length === 1 ? of[0]?.host : `${of.length} hosts`}: ${note}`);
  return [...told, ...more];
}
