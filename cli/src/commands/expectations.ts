/** What a repository of rules expects of them on history, for its CI. */
import { type ConfigSchema, integer, loadConfig, mapOf } from "@hosttrail/lib/config";
import { type AnyRule, nearest, ruleKey } from "@hosttrail/lib/sigma";
import type { TestedRule } from "@hosttrail/proto/rule";
import type { TestCase } from "../junit.ts";

const COUNT_MAX = 1_000_000_000;
/** Stands for every rule of which nothing else is expected. */
const OTHERS = "*";
const NO_BOUND = -1;

/** Bounds of -1 are none. */
interface Expectation {
  rule: string;
  min: number;
  max: number;
  alertsMax: number;
  hosts: readonly string[];
}

const SCHEMA: ConfigSchema = mapOf(
  {
    rules: {
      type: "array",
      maxItems: 20_000,
      items: mapOf(
        {
          rule: { type: "string", minLength: 1 },
          min: integer(NO_BOUND, COUNT_MAX, NO_BOUND),
          max: integer(NO_BOUND, COUNT_MAX, NO_BOUND),
          alerts_max: integer(NO_BOUND, COUNT_MAX, NO_BOUND),
          hosts: {
            type: "array",
            items: { type: "string", pattern: "^[0-9a-f]{32}$", $comment: "a host's id, 32 lower case hex digits" },
            default: [],
          },
        },
        ["rule"],
      ),
    },
  },
  ["rules"],
);

/** What is expected of which rule. Throws a ConfigError, and an Error where a rule is not there or is named twice. */
export function readExpectations(path: string, rules: readonly AnyRule[]): Map<AnyRule, Expectation> {
  const { rules: list } = loadConfig<{ rules: readonly Expectation[] }>(path, SCHEMA);
  const expected = new Map<AnyRule, Expectation>();
  const ofOthers = list.find(({ rule }) => rule === OTHERS);
  const detections = rules.filter(({ kind }) => kind === "detection");
  for (const expectation of list) {
    if (expectation.rule === OTHERS) continue;
    const named = detections.filter((rule) => [rule.id, rule.name, ruleKey(rule)].includes(expectation.rule));
    const [rule] = named;
    if (rule === undefined) {
      const known = detections.map((each) => each.name || each.id).filter((name) => name !== "");
      throw new Error(`${path}: no rule is called ${expectation.rule}${nearest(expectation.rule, known)}`);
    }
    if (named.length > 1 || expected.has(rule)) throw new Error(`${path}: ${expectation.rule} is not one rule alone`);
    expected.set(rule, expectation);
  }
  if (ofOthers !== undefined)
    for (const rule of detections) if (!expected.has(rule)) expected.set(rule, { ...ofOthers, rule: ruleKey(rule) });
  return expected;
}

/** Holds what was found against what is expected; `lacks` are parts of history that could not be read. */
export function judge(
  expected: ReadonlyMap<AnyRule, Expectation>,
  found: readonly TestedRule[],
  lacks: readonly string[],
): TestCase[] {
  const [lack] = lacks;
  const errors = lack === undefined ? [] : [`${lacks.length} parts of history could not be read; one: ${lack}`];
  const byKey = Map.groupBy(found, (each) => each.ruleKey);
  return Array.from(expected, ([rule, expectation]): TestCase => {
    const failures = failuresOf(expectation, byKey.get(ruleKey(rule)) ?? []);
    return { name: rule.title, className: rule.file, failures, errors };
  });
}

function failuresOf({ min, max, alertsMax, hosts }: Expectation, found: readonly TestedRule[]): string[] {
  const failures: string[] = [];
  const matches = found.reduce((sum, each) => sum + each.matches, 0n);
  const alerts = found.reduce((sum, each) => sum + each.alerts, 0n);
  const on = `on ${new Set(found.map(({ hostId }) => hostId)).size} hosts`;
  if (min !== NO_BOUND && matches < BigInt(min)) failures.push(`${matches} matches, at least ${min} are expected`);
  if (max !== NO_BOUND && matches > BigInt(max)) failures.push(`${matches} matches ${on}, at most ${max} are expected`);
  if (alertsMax !== NO_BOUND && alerts > BigInt(alertsMax))
    failures.push(`${alerts} alerts ${on}, at most ${alertsMax} are expected`);
  for (const host of hosts)
    if (!found.some(({ hostId, matches: some }) => hostId === host && some > 0n)) failures.push(`no match on ${host}`);
  return failures;
}
