/** What a host is set up to do, as its collector is told: which audit rules its kernel has, and by which spec it was set up. Pure but for the hash. */
import { createHash } from "node:crypto";
import type { HostProfile } from "@hosttrail/proto/ingest";

/** What is told of audit rules; the collector takes no more. */
const RULES_MAX = 1024;
const RULE_BYTES_MAX = 8192;
const ALL_BYTES_MAX = 65_536;
const PROBLEM_LENGTH_MAX = 256;
const SPEC_LENGTH_MAX = 128;

export interface ProfileFacts {
  /** Rules of the kernel in auditctl's syntax and in their order; or why they are not known. */
  auditRules: readonly string[] | { problem: string };
  /** Text of the file with the fleet's spec; empty where there is none. */
  spec: string;
}

/** Within its bounds: rules beyond them are counted. */
export function profileOf({ auditRules, spec }: ProfileFacts): HostProfile {
  const isKnown = !("problem" in auditRules);
  const rules: string[] = [];
  let bytes = 0;
  let leftOut = 0;
  for (const rule of isKnown ? auditRules : []) {
    const size = Buffer.byteLength(rule);
    if (rules.length === RULES_MAX || size > RULE_BYTES_MAX || bytes + size > ALL_BYTES_MAX) {
      leftOut++;
      continue;
    }
    bytes += size;
    rules.push(rule);
  }
  const said = {
    auditRules: rules,
    auditRulesLeftOut: leftOut,
    auditProblem: isKnown ? "" : auditRules.problem.slice(0, PROBLEM_LENGTH_MAX),
    spec: (spec.split("\n")[0] ?? "").trim().slice(0, SPEC_LENGTH_MAX),
  };
  return { version: createHash("sha256").update(JSON.stringify(said)).digest("hex"), ...said };
}
