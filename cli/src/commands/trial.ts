/** `hosttrail rules test`: rules held against the collector's history. */
import { writeFileSync } from "node:fs";
import { readRules, type RuleFile } from "@hosttrail/lib/sigma";
import {
  type RuleServiceClient,
  TestedRule,
  RuleProblem,
  type TestRulesRequest,
  type TestRulesResponse,
} from "@hosttrail/proto/rule";
import { junitXml, type TestCase } from "../junit.ts";
import { inParts, readPlaceholders, ruleFiles } from "../rulefiles.ts";
import { printable } from "../text.ts";
import { parseTime } from "../time.ts";
import { judge, readExpectations } from "./expectations.ts";
import type { Output } from "../output/index.ts";

export interface TrialOptions {
  /** A rule file, or a folder with rule files in it and below. */
  path: string;
  since: string | undefined;
  until: string | undefined;
  hostId: string;
  /** YAML files; empty for none. */
  placeholders: string;
  expect: string;
  /** Where JUnit XML is written; empty for nowhere. */
  junit: string;
}

/** Told of what was looked at so far. */
export type Progress = (scanned: bigint, toScan: bigint, matches: bigint) => void;

/** All that the collector said. */
export interface Tried {
  found: TestedRule[];
  problems: RuleProblem[];
  unreadable: string[];
  scanned: bigint;
  scannedBytes: bigint;
}

/** What is asked beside the rules. */
export type TrialAbout = Pick<TestRulesRequest, "startTime" | "endTime" | "hostId" | "placeholders">;

/**
 * Prints what the rules match, by rule, host and day. Gives the exit status: 0 where all is as expected, 1 where it is not or a rule cannot
 * be used; what could not be read is told as lacking.
 */
export async function testRules(
  client: RuleServiceClient,
  options: TrialOptions,
  output: Output,
  progress: Progress,
): Promise<number> {
  const files = ruleFiles([options.path]);
  if (options.junit !== "" && options.expect === "") throw new Error("--junit needs --expect FILE");
  const placeholders = readPlaceholders(options.placeholders);
  const { rules, rejected } = readRules(files, { placeholders });
  // What is wrong with the file is said before anything is asked.
  const expected = options.expect === "" ? undefined : readExpectations(options.expect, rules);
  const nowMs = Date.now();
  const about = {
    startTime: options.since === undefined ? undefined : parseTime(options.since, nowMs),
    endTime: options.until === undefined ? undefined : parseTime(options.until, nowMs),
    hostId: options.hostId,
    placeholders: Array.from(placeholders, ([name, values]) => ({ name, values: [...values] })),
  };
  const tried = await tryRules(client, files, about, progress);
  show(tried, output);
  const cases = judge(expected ?? new Map(), tried.found, tried.unreadable);
  cases.push(
    ...(expected === undefined
      ? []
      : rejected.map(({ file, line, title, message }) => ({
          name: title,
          className: file,
          failures: [`line ${line}: ${message}`],
          errors: [],
        }))),
  );
  if (options.junit !== "") writeFileSync(options.junit, junitXml("hosttrail rules test", cases));
  const failed = cases.filter(({ failures }) => failures.length > 0);
  showFailures(failed, output);
  return failed.length > 0 || tried.problems.some((problem) => problem.rejected) ? 1 : 0;
}

const NOTHING = { startTime: undefined, endTime: undefined, hostId: "", placeholders: [] };

/** Has the collector hold rules against its history. */
export async function tryRules(
  client: RuleServiceClient,
  files: readonly RuleFile[],
  about: TrialAbout,
  progress: Progress,
): Promise<Tried> {
  const parts = inParts(files).map((part, at): TestRulesRequest => ({ ...(at === 0 ? about : NOTHING), files: part }));
  const call = client.testRules();
  const sums = new Map<string, TestedRule>();
  const tried: Omit<Tried, "found"> = { problems: [], unreadable: [], scanned: 0n, scannedBytes: 0n };
  let matches = 0n;
  const take = (response: TestRulesResponse): void => {
    const { found, problems, unreadable, eventsScanned, eventsToScan } = response;
    for (const each of found) {
      matches += each.matches;
      add(sums, each);
    }
    tried.problems.push(...problems);
    tried.unreadable.push(...unreadable);
    tried.scanned = eventsScanned;
    tried.scannedBytes = response.bytesScanned;
    progress(eventsScanned, eventsToScan, matches);
  };
  await new Promise<void>((resolve, reject) => {
    let isDone = false;
    call.on("data", (response: TestRulesResponse) => {
      take(response);
      isDone ||= response.done;
    });
    call.on("error", reject);
    call.on("end", () => (isDone ? resolve() : reject(new Error("the collector ended its answer before it was done"))));
    for (const part of parts) call.write(part);
    call.end();
  });
  return { ...tried, found: [...sums.values()].sort(byName) };
}

function add(sums: Map<string, TestedRule>, each: TestedRule): void {
  const key = `${each.ruleKey}\0${each.hostId}\0${each.day}`;
  const known = sums.get(key);
  if (known === undefined) sums.set(key, each);
  else {
    known.matches += each.matches;
    known.alerts += each.alerts;
    known.eventIds.push(...each.eventIds);
  }
}

function byName(a: TestedRule, b: TestedRule): number {
  const [one, other] = [a, b].map(({ title, ruleKey, hostId, day }) => [title, ruleKey, hostId, day].join("\0"));
  return (one ?? "") < (other ?? "") ? -1 : 1;
}

function show({ found, problems, unreadable, scanned }: Tried, output: Output): void {
  if (output.json) {
    for (const problem of problems) output.print(`${JSON.stringify({ problem: RuleProblem.toJSON(problem) })}\n`);
    for (const each of found) output.print(`${JSON.stringify(TestedRule.toJSON(each))}\n`);
  } else {
    for (const { file, line, message, rejected } of problems)
      output.print(`${printable(`${rejected ? "rejected" : "note"}  ${file}:${line}  ${message}`)}\n`);
    const rows = found.map(({ title, hostId, day, matches, alerts, eventIds }) =>
      [title, hostId, day, String(matches), String(alerts), eventIds[0] ?? ""].map(printable),
    );
    if (rows.length > 0)
      output.print(output.table([["RULE", "HOST", "DAY", "MATCHES", "ALERTS", "FOR EXAMPLE"], ...rows]));
    output.print(`${totalOf(found)}; ${scanned} events were looked at\n`);
  }
  for (const text of unreadable) output.lack(printable(text));
}

function totalOf(found: readonly TestedRule[]): string {
  const [rules, hosts, days] = [
    found.map(({ ruleKey }) => ruleKey),
    found.map(({ hostId }) => hostId),
    found.map(({ day }) => day),
  ].map((names) => new Set(names).size);
  const matches = found.reduce((sum, each) => sum + each.matches, 0n);
  const alerts = found.reduce((sum, each) => sum + each.alerts, 0n);
  return `${matches} matches of ${rules} rules on ${hosts} hosts and ${days} days, which would have made ${alerts} alerts`;
}

function showFailures(failed: readonly TestCase[], output: Output): void {
  for (const { name, className, failures } of failed) {
    if (output.json) output.print(`${JSON.stringify({ unexpected: { rule: name, file: className, failures } })}\n`);
    else
      for (const failure of failures)
        output.print(printable(`not as expected  ${className}  ${name}: ${failure}`) + "\n");
  }
}
