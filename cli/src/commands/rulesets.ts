/** Commands about the collector's rules and rulesets. */
import { basename, relative, sep } from "node:path";
import { statSync } from "node:fs";
import { Severity } from "@hosttrail/proto/alert";
import {
  type DeleteRulesetResponse,
  type ListRulesetsResponse,
  type ListRulesResponse,
  PutRulesetRequest,
  PutRulesetResponse,
  Rule,
  RuleProblem,
  Ruleset,
  type RuleServiceClient,
} from "@hosttrail/proto/rule";
import { call } from "../call.ts";
import { labelsOf, parseLabels } from "../labels.ts";
import { inParts, ruleFiles } from "../rulefiles.ts";
import { printable, timeOf } from "../text.ts";
import { parseSeverity, severityName } from "./alerts.ts";
import type { Output } from "../output/index.ts";

const RULE_HEADER = ["KEY", "SEVERITY", "STATE", "ALERTS", "PRECISION", "FILE", "TITLE", "PROBLEM"];

function ruleRow({ rule, file, line, enabled, alerts, precision, problem }: Rule): string[] {
  const state = enabled ? "enabled" : "disabled";
  const place = `${rule?.ruleset ?? ""}/${file}:${line}`;
  const cells = [rule?.key ?? "", severityName(rule?.severity), state, String(alerts), precisionText(precision)];
  return [...cells, place, rule?.title ?? "", problem].map(printable);
}

function precisionText(precision: number): string {
  return precision < 0 ? "" : `${Math.round(precision * 100)} %`;
}

/** `hosttrail rules list` */
export async function listRules(
  client: RuleServiceClient,
  ruleset: string,
  { json, print, table }: Output,
): Promise<void> {
  const rows = [RULE_HEADER];
  let pageToken = "";
  do {
    const page = await call<ListRulesResponse>((done) =>
      client.listRules({ pageSize: 1000, pageToken, ruleset }, done),
    );
    for (const rule of page.rules) {
      if (json) print(`${JSON.stringify(Rule.toJSON(rule))}\n`);
      rows.push(ruleRow(rule));
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  if (!json) print(table(rows));
}

/** `hosttrail rules show` */
export async function showRule(client: RuleServiceClient, key: string, { json, print, align }: Output): Promise<void> {
  const rule = await call<Rule>((done) => client.getRule({ key }, done));
  if (json) {
    print(`${JSON.stringify(Rule.toJSON(rule))}\n`);
    return;
  }
  const { alerts, truePositives, falsePositives, benign, authorSeverity, rule: about } = rule;
  const decided = `${truePositives} true positive, ${benign} benign, ${falsePositives} false positive`;
  const facts = [
    ["KEY", about?.key ?? ""],
    ["TITLE", about?.title ?? ""],
    ["RULESET", `${about?.ruleset ?? ""}${rule.managed ? " (comes with the product)" : ""}`],
    ["FILE", `${rule.file}:${rule.line}`],
    ["STATE", rule.enabled ? (rule.silent ? "enabled, for correlations only" : "enabled") : "disabled"],
    ["PROBLEM", rule.problem],
    ["SEVERITY", `${severityName(about?.severity)} (its author says ${severityName(authorSeverity)})`],
    ["30 DAYS", `${alerts} alerts: ${decided}`],
    ["PRECISION", precisionText(rule.precision)],
  ].filter(([, value]) => value !== "");
  print(align(facts.map((row) => row.map(printable))));
  print(`\n${rule.text.split("\n").map(printable).join("\n")}`);
}

/** `hosttrail rules enable`, `disable` and `severity`. */
export async function updateRule(
  client: RuleServiceClient,
  key: string,
  change: { enabled: boolean } | { severity: string },
  { json, print, table }: Output,
): Promise<void> {
  const request = "enabled" in change ? change : { severity: severityOf(change.severity) };
  const rule = await call<Rule>((done) =>
    client.updateRule({ key, enabled: undefined, severity: undefined, ...request }, done),
  );
  print(json ? `${JSON.stringify(Rule.toJSON(rule))}\n` : table([RULE_HEADER, ruleRow(rule)]));
}

/** "author" takes back what the operator said. */
function severityOf(text: string): Severity {
  if (text === "author") return Severity.UNSPECIFIED;
  try {
    return parseSeverity("the severity", text);
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}, author`, { cause: error });
  }
}

const RULESET_HEADER = ["NAME", "STATE", "RULES", "LABELS", "TAGS", "UPDATED", "UPDATER", "DESCRIPTION"];

function rulesetRow(ruleset: Ruleset): string[] {
  const { name, enabled, managed, rules, labels, tags, updateTime, updater, description } = ruleset;
  const state = `${enabled ? "enabled" : "disabled"}${managed ? ", managed" : ""}`;
  const selector = [labelsOf(labels), labelsOf(tags)];
  return [name, state, String(rules), ...selector, timeOf(updateTime), updater, description].map(printable);
}

/** `hosttrail ruleset list` */
export async function listRulesets(client: RuleServiceClient, { json, print, table }: Output): Promise<void> {
  const { rulesets } = await call<ListRulesetsResponse>((done) => client.listRulesets({}, done));
  if (json) for (const ruleset of rulesets) print(`${JSON.stringify(Ruleset.toJSON(ruleset))}\n`);
  else print(table([RULESET_HEADER, ...rulesets.map(rulesetRow)]));
}

/** `hosttrail ruleset show` */
export async function showRuleset(
  client: RuleServiceClient,
  name: string,
  { json, print, table }: Output,
): Promise<void> {
  const ruleset = await call<Ruleset>((done) => client.getRuleset({ name }, done));
  if (json) {
    print(`${JSON.stringify(Ruleset.toJSON(ruleset))}\n`);
    return;
  }
  print(table([RULESET_HEADER, rulesetRow(ruleset)]));
  for (const { path, text } of ruleset.files) {
    print(`\n# ${printable(path)}\n${text.trimEnd().split("\n").map(printable).join("\n")}\n`);
  }
}

export interface RulesetOptions {
  /** A folder of rule files, or one of them. */
  path: string;
  description: string;
  labels: readonly string[];
  tags: readonly string[];
  disabled: boolean;
  allowRejected: boolean;
}

/** `hosttrail ruleset put` */
export async function putRuleset(
  client: RuleServiceClient,
  name: string,
  options: RulesetOptions,
  output: Output,
): Promise<void> {
  const { path: root, description, disabled, allowRejected } = options;
  if (root === "") throw new Error("ruleset put needs a name and a folder of rule files");
  const isFolder = statSync(root).isDirectory();
  const files = ruleFiles([root]).map(({ path, text }) => ({
    path: isFolder ? relative(root, path).split(sep).join("/") : basename(path),
    text,
  }));
  const labels = parseLabels("--label", options.labels);
  const tags = parseLabels("--tag", options.tags);
  const about = { name, description, enabled: !disabled, labels, tags };
  const parts = inParts(files).map((part, at) =>
    PutRulesetRequest.fromPartial({ ruleset: { ...(at === 0 ? about : {}), files: part }, allowRejected }),
  );
  showPut(await put(client, parts), output);
}

/** `hosttrail ruleset enable` and `disable`: all else stays as it is. */
export async function enableRuleset(
  client: RuleServiceClient,
  name: string,
  enabled: boolean,
  output: Output,
): Promise<void> {
  const { rulesets } = await call<ListRulesetsResponse>((done) => client.listRulesets({}, done));
  const before = rulesets.find((ruleset) => ruleset.name === name);
  // The collector says what is near a name that is none.
  if (before === undefined) return void (await call<Ruleset>((done) => client.getRuleset({ name }, done)));
  const ruleset = { ...before, enabled };
  showPut(await put(client, [PutRulesetRequest.fromPartial({ ruleset, keepFiles: !before.managed })]), output);
}

function put(client: RuleServiceClient, parts: readonly PutRulesetRequest[]): Promise<PutRulesetResponse> {
  return call((done) => {
    const stream = client.putRuleset(done);
    for (const part of parts) stream.write(part);
    stream.end();
    return stream;
  });
}

function showPut(answer: PutRulesetResponse, { json, print, table }: Output): void {
  if (json) {
    print(`${JSON.stringify(PutRulesetResponse.toJSON(answer))}\n`);
    return;
  }
  for (const problem of answer.problems) print(problemLine(problem));
  if (answer.ruleset !== undefined) print(table([RULESET_HEADER, rulesetRow(answer.ruleset)]));
}

function problemLine({ file, line, message, rejected }: RuleProblem): string {
  return `${printable(`${file}:${line}: ${rejected ? "" : "warning: "}${message}`)}\n`;
}

/** `hosttrail ruleset delete` */
export async function deleteRuleset(client: RuleServiceClient, name: string): Promise<void> {
  await call<DeleteRulesetResponse>((done) => client.deleteRuleset({ name }, done));
}
