/** What would no longer be seen if a program were left out of what an audit key makes. */
import type { DetectionRule, RuleCollection } from "../sigma/index.ts";
import type { AuditRule, AuditRules } from "./auditrules.ts";
import { feedersOf, mayEqual, necessary, needsOf } from "./needs.ts";
import { RuleSet } from "./ruleset.ts";

export interface Exclusion {
  /** Audit rules, ready to paste; they go before all others (`-A`). */
  lines: readonly string[];
  /** Detections that need events of the key which this program may make: they would not see it any more. */
  blinds: readonly DetectionRule[];
}

/** In a rule's line it would be cut, or be something else. */
const PLAIN_PATH = /^\/[\w./+@:-]{1,200}$/;
const ARCHES = ["b64", "b32"] as const;
const EXECUTABLE = ["Image", "process.executable"] as const;

/** Undefined where no line can name the program, or no rule has the key. */
export function exclusionOf(
  { rules }: Pick<RuleCollection, "rules">,
  audit: AuditRules,
  { key, executable }: { key: string; executable: string },
): Exclusion | undefined {
  const ofKey = audit.rules.filter(({ keys }) => keys.includes(key));
  if (!PLAIN_PATH.test(executable) || ofKey.length === 0) return undefined;
  const detections = rules.flatMap((rule) => (rule.kind === "detection" ? [rule] : []));
  const broken = new Set(new RuleSet(detections).notCompiled.map(({ rule }) => rule));
  const blinds = detections.filter((rule) => !broken.has(rule) && isBlinded(rule, audit, ofKey, executable));
  return { lines: linesFor(ofKey, executable), blinds };
}

function isBlinded(rule: DetectionRule, audit: AuditRules, ofKey: readonly AuditRule[], executable: string): boolean {
  // What asks for other programs loses nothing by this one.
  const asked = necessary(rule.condition, EXECUTABLE);
  if (asked?.some((item) => mayEqual(item, executable)) === false) return false;
  return needsOf(rule).needs.some((need) => feedersOf(need, audit)?.some((feeder) => ofKey.includes(feeder)) ?? false);
}

function linesFor(ofKey: readonly AuditRule[], executable: string): string[] {
  return ARCHES.flatMap((arch) => {
    const rules = ofKey.filter((rule) => rule.arch === "" || rule.arch === arch);
    if (rules.length === 0) return [];
    const calls = new Set(rules.flatMap((rule) => [...(rule.calls ?? [])]));
    const isOfAll = rules.some((rule) => rule.calls === undefined);
    const named = isOfAll || calls.size === 0 ? "" : ` -S ${[...calls].join(",")}`;
    return [`-A never,exit -F arch=${arch}${named} -F exe=${executable}`];
  });
}
