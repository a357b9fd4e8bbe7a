/** `hosttrail rules audit`: the fewest audit rules that feed detections, and what they cost. */
import { type AuditLine, auditFor, type AuditPlan, readAuditRules } from "@hosttrail/lib/detect";
import { type DetectionRule, type Rejected, readRules, type RuleFile } from "@hosttrail/lib/sigma";
import type { RuleServiceClient } from "@hosttrail/proto/rule";
import { readPlaceholders, ruleFiles } from "../rulefiles.ts";
import { printable } from "../text.ts";
import { parseTime } from "../time.ts";
import type { Output } from "../output/index.ts";
import { auditRules } from "./rules.ts";
import { tryRules } from "./trial.ts";

export interface AuditOptions {
  /** Rule files, or folders with rule files in them and below. */
  paths: readonly string[];
  /** As in `rules check`: which audit rules there are to choose from. */
  auditRules: readonly string[];
  spec: string;
  placeholders: string;
  /** From when on events are counted; undefined where nobody is asked. */
  since: string | undefined;
}

/** What audit rules with one key make. */
interface KeyCost {
  eventsPerHour: number;
  hosts: number;
}

interface Costs {
  byKey: ReadonlyMap<string, KeyCost>;
  /** As stored, on average over all events. */
  bytesPerEvent: number;
}

/** Far more keys than a fleet has. */
const KEYS_MAX = 1000;
const NAMES_SHOWN = 8;

/** Gives the exit status: 0 where all detections are fed, 3 where nothing can feed one, 1 where a rule cannot be read. */
export async function auditRuleFiles(
  options: AuditOptions,
  output: Output,
  client: () => RuleServiceClient,
): Promise<number> {
  const collection = readRules(ruleFiles(options.paths), { placeholders: readPlaceholders(options.placeholders) });
  const given = readAuditRules(auditRules(options));
  const plan = auditFor(collection, given);
  const keys = [...new Set(plan.lines.flatMap((line) => line.keys))].slice(0, KEYS_MAX);
  const costs = options.since === undefined ? undefined : await measure(client(), keys, options.since, output);
  if (output.json) printJson(plan, costs, output);
  else {
    output.print(headOf(plan, given.rules.length, costs, options.since));
    const shown = bySpecific(plan.lines);
    for (const [key, lines] of Map.groupBy(shown, (line) => line.keys[0] ?? ""))
      output.print(groupText(key, lines, costs, options.since));
  }
  tellRest(plan, collection.rejected, output);
  if (collection.rejected.length > 0) return 1;
  return plan.mute.length > 0 ? 3 : 0;
}

const HOUR_MS = 3_600_000;

/** Counts events by key in the collector's history: each key as a rule of its own. */
async function measure(
  client: RuleServiceClient,
  keys: readonly string[],
  since: string,
  output: Output,
): Promise<Costs> {
  const nowMs = Date.now();
  const startTime = parseTime(since, nowMs);
  const hours = (nowMs - Number(startTime.seconds) * 1000) / HOUR_MS;
  if (hours <= 0) throw new Error(`--since is "${since}", which is not in the past`);
  const about = { startTime, endTime: parseTime("0s", nowMs), hostId: "", placeholders: [] };
  const { found, scanned, scannedBytes, unreadable } = await tryRules(
    client,
    keys.map(keyRule),
    about,
    () => undefined,
  );
  for (const text of unreadable) output.lack(printable(text));
  const byRule = Map.groupBy(found, ({ ruleKey }) => ruleKey);
  const costOf = (at: number): KeyCost => {
    const rows = byRule.get(nameOf(at)) ?? [];
    const events = rows.reduce((sum, { matches }) => sum + matches, 0n);
    return { eventsPerHour: Number(events) / hours, hosts: new Set(rows.map(({ hostId }) => hostId)).size };
  };
  return {
    byKey: new Map(keys.map((key, at) => [key, costOf(at)])),
    bytesPerEvent: scanned === 0n ? 0 : Number(scannedBytes) / Number(scanned),
  };
}

function nameOf(at: number): string {
  return `audit_key_${at}`;
}

/** A rule that matches events with a key. */
function keyRule(key: string, at: number): RuleFile {
  const value = JSON.stringify(key.replaceAll(/[\\*?]/g, "\\$&"));
  const text = `title: ${JSON.stringify(key)}\nname: ${nameOf(at)}\nlogsource: {product: linux, service: auditd}\ndetection: {s: {"audit.key|cased": ${value}}, condition: s}\n`;
  return { path: `${nameOf(at)}.yml`, text };
}

function headOf(plan: AuditPlan, given: number, costs: Costs | undefined, since: string | undefined): string {
  const { lines, lowerBound, unasked } = plan;
  const fed = new Set(lines.flatMap(({ neededBy }) => neededBy)).size;
  const added = lines.filter(({ isNew }) => isNew).length;
  const fewest =
    lowerBound === lines.length
      ? "no fewer lines do"
      : `no fewer than ${lowerBound} do; whether these are the fewest was not found out`;
  const measured =
    costs === undefined
      ? "What they cost was not measured: --since 7d counts it in the collector's history."
      : `Costs are of the last ${since}; an event takes ${Math.round(costs.bytesPerEvent)} bytes as stored, on average over all.`;
  return [
    `# ${lines.length} audit rules for ${fed} detections (${fewest}): ${lines.length - added} of ${given} that were given, ${added} others.`,
    "# What any of the others makes for a detection is made by one of these.",
    `# ${unasked.length} detections need no audit rule: user space and the agent tell of their events.`,
    `# ${measured}`,
    "",
  ]
    .map((line) => `${line}\n`)
    .join("");
}

/** Of each line first the detections that need few lines: they say most of what it is for. */
function bySpecific(lines: readonly AuditLine[]): AuditLine[] {
  const counts = new Map<DetectionRule, number>();
  for (const { neededBy } of lines) for (const rule of neededBy) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  const count = (rule: DetectionRule): number => counts.get(rule) ?? 0;
  return lines.map((line) => ({ ...line, neededBy: line.neededBy.toSorted((a, b) => count(a) - count(b)) }));
}

function groupText(
  key: string,
  lines: readonly AuditLine[],
  costs: Costs | undefined,
  since: string | undefined,
): string {
  const parts: string[] = [`# ${key || "without a key"}: ${costText(key, lines.length, costs, since)}`];
  for (const { line, neededBy, leftOut, isNew } of lines) {
    const names = neededBy.map(shownName);
    const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : "";
    const without = leftOut.length === 0 ? "" : `; without ${leftOut.join(", ")}, which none needs`;
    const added = isNew ? "; not among the given" : "";
    parts.push(`#   for ${names.slice(0, NAMES_SHOWN).join(", ")}${more}${without}${added}`, line);
  }
  return `${parts.map(printable).join("\n")}\n\n`;
}

function costText(key: string, lines: number, costs: Costs | undefined, since: string | undefined): string {
  const cost = costs?.byKey.get(key);
  if (costs === undefined || cost === undefined) return "not measured";
  const bytes = Math.round(cost.eventsPerHour * costs.bytesPerEvent);
  const all = lines === 1 ? "" : ` by its ${lines} lines together`;
  return `${cost.eventsPerHour.toFixed(1)} events an hour on ${cost.hosts} hosts${all}, some ${bytes} bytes an hour (last ${since})`;
}

function shownName({ name, title }: DetectionRule): string {
  return name || title;
}

function printJson({ lines, lowerBound }: AuditPlan, costs: Costs | undefined, output: Output): void {
  for (const { line, keys, leftOut, isNew, neededBy } of lines) {
    const cost = costs?.byKey.get(keys[0] ?? "");
    const measured =
      costs === undefined || cost === undefined ? null : { key: keys[0], ...cost, bytesPerEvent: costs.bytesPerEvent };
    const detections = neededBy.map(shownName);
    output.print(`${JSON.stringify({ line, keys, leftOut, isNew, detections, cost: measured })}\n`);
  }
  output.print(`${JSON.stringify({ lines: lines.length, lowerBound })}\n`);
}

function tellRest({ mute }: AuditPlan, rejected: readonly Rejected[], { json, print }: Output): void {
  for (const { rule, why } of mute)
    print(
      json
        ? `${JSON.stringify({ cannotBeFed: shownName(rule), why })}\n`
        : `${printable(`# cannot be fed: ${shownName(rule)}: ${why}`)}\n`,
    );
  for (const { file, line, message } of rejected)
    print(
      json
        ? `${JSON.stringify({ rejected: { file, line, message } })}\n`
        : `${printable(`# rejected: ${file}:${line}: ${message}`)}\n`,
    );
}
