/** Whether the collector's rules can fire on its hosts: by the audit rules that these have loaded. */
import { CheckedRule, type CheckRulesResponse, type RuleServiceClient } from "@hosttrail/proto/rule";
import { call } from "../call.ts";
import { printable, timeOf } from "../text.ts";
import type { Output } from "../output/index.ts";

export interface StandingOptions {
  /** Of one host; empty for the fleet. */
  hostId: string;
  /** Of one rule; empty for all. */
  key: string;
}

/** `hosttrail rules check` without files. Gives the exit status: 0 where all can fire wherever they are for, 3 where some cannot. */
export async function checkStoredRules(
  client: RuleServiceClient,
  { hostId, key }: StandingOptions,
  { json, print }: Output,
): Promise<number> {
  let page: CheckRulesResponse;
  let pageToken = "";
  const count = { firing: 0, mute: 0, without: 0 };
  do {
    const request = { pageSize: 1000, pageToken, key, hostId };
    page = await call<CheckRulesResponse>((done) => client.checkRules(request, done));
    for (const rule of page.rules) {
      count[stateOf(rule)]++;
      print(json ? `${JSON.stringify(CheckedRule.toJSON(rule))}\n` : shown(rule, hostId !== ""));
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  if (!json) print(`\n${summary(page, count, hostId !== "")}\n`);
  return count.mute > 0 ? 3 : 0;
}

/** "without": there is no host of which it could be said. */
function stateOf({ hostsFiring, hostsMute }: CheckedRule): "firing" | "mute" | "without" {
  if (hostsMute > 0n) return "mute";
  return hostsFiring > 0n ? "firing" : "without";
}

const WIDTH = 18;

function shown(rule: CheckedRule, isOneHost: boolean): string {
  const { title, ruleset, file, line, hostsFiring, hostsMute, problem, reasons, missing } = rule;
  const words = { firing: "fires here", mute: "cannot fire here", without: "not known" };
  const of = `${hostsFiring} of ${hostsFiring + hostsMute} hosts`;
  const state = isOneHost || hostsFiring + hostsMute === 0n ? words[stateOf(rule)] : of;
  const indent = " ".repeat(WIDTH);
  const lines = [
    `${state.padEnd(WIDTH)}${ruleset}/${file}:${line}  ${title}`,
    ...(problem === "" ? [] : [`${indent}does not run: ${problem}`]),
    ...reasons.map((reason) => `${indent}${reason}`),
    ...missing.map(({ line: lacking, hosts }) => `${indent}${isOneHost ? "add" : `add on ${hosts} hosts`}: ${lacking}`),
  ];
  return lines.map((text) => `${printable(text)}\n`).join("");
}

function summary(
  page: CheckRulesResponse,
  count: Record<"firing" | "mute" | "without", number>,
  isOneHost: boolean,
): string {
  const rules = `${count.firing} rules fire${isOneHost ? "" : " on all hosts that they are for"}, ${count.mute} cannot${isOneHost ? "" : " on some"}, of ${count.without} it is not known`;
  if (!isOneHost) return `${rules}; ${page.hostsKnown} hosts told their audit rules, ${page.hostsUnknown} did not`;
  const told =
    page.profileTime === undefined ? "" : `; ${page.auditRules} audit rules, told ${timeOf(page.profileTime)}`;
  return `${rules}${told}${page.problem === "" ? "" : `; ${printable(page.problem)}`}`;
}
