/** Which correlation each rule is of, and in which order they are decided. */
import type { AnyRule, CorrelationRule, DetectionRule } from "../sigma/index.ts";
import { fingerprintOf, keysOf } from "./fingerprint.ts";
import type { Ledger } from "./group.ts";
import { fieldsFor, keyOf } from "./grouping.ts";
import type { CorrelateLimits } from "./model.ts";
import { RuleGroups, type Use } from "./rulegroups.ts";

/** A rule that cannot do under the limits what it asks for. */
export interface LimitWarning {
  rule: CorrelationRule;
  message: string;
}

/** Uses that find the same groups, since they read the same fields. */
interface Uses {
  fields: readonly string[];
  uses: Use[];
}

export interface Plan {
  /** Those of others first. */
  rules: readonly RuleGroups[];
  byRule: ReadonlyMap<CorrelationRule, RuleGroups>;
  uses: ReadonlyMap<DetectionRule, readonly Uses[]>;
  warnings: readonly LimitWarning[];
}

export function planOf(all: readonly AnyRule[], ledger: Ledger): Plan {
  const ordered = innerFirst(all);
  const keys = keysOf(ordered);
  const rules = ordered.map(
    (rule) => new RuleGroups(rule, keys.get(rule) ?? "", fingerprintOf(rule, ledger.hash), ledger),
  );
  const byRule = new Map(rules.map((groups) => [groups.rule, groups]));
  const uses = new Map<DetectionRule, Uses[]>();
  for (const groups of rules)
    for (const rule of groups.rule.rules) {
      const use = groups.useOf(rule);
      if (rule.kind === "correlation") byRule.get(rule)?.uses.push(use);
      else addUse(uses, rule, use);
    }
  return { rules, byRule, uses, warnings: rules.flatMap(({ rule }) => warningsOf(rule, ledger.limits)) };
}

function addUse(uses: Map<DetectionRule, Uses[]>, rule: DetectionRule, use: Use): void {
  const all = uses.get(rule) ?? [];
  uses.set(rule, all);
  const same = all.find(({ fields }) => keyOf(fields) === keyOf(use.groupFields));
  if (same === undefined) all.push({ fields: use.groupFields, uses: [use] });
  else same.uses.push(use);
}

/** Fields of rules that correlations read in what they match: by them they group, and from them they count. */
export function fieldsRead(all: readonly AnyRule[]): Map<DetectionRule, ReadonlySet<string>> {
  const read = new Map<DetectionRule, Set<string>>();
  for (const outer of innerFirst(all))
    for (const rule of outer.rules) {
      if (rule.kind === "correlation") continue;
      const fields = read.get(rule) ?? new Set();
      read.set(rule, fields);
      for (const field of [...outer.groupBy, ...outer.fields])
        for (const own of fieldsFor(outer, rule, [field])) fields.add(own);
    }
  return read;
}

/** Correlations behind those that they are about; also those that are only named by others. */
function innerFirst(rules: readonly AnyRule[]): CorrelationRule[] {
  const ordered = new Set<CorrelationRule>();
  const visit = (rule: AnyRule): void => {
    if (rule.kind !== "correlation" || ordered.has(rule)) return;
    for (const inner of rule.rules) visit(inner);
    ordered.add(rule);
  };
  for (const rule of rules) visit(rule);
  return [...ordered];
}

/** What can be counted of a window is bounded by what is kept of it. */
function warningsOf(rule: CorrelationRule, limits: CorrelateLimits): LimitWarning[] {
  const { type, bounds } = rule;
  if (type !== "event_count" && type !== "value_count") return [];
  const [what, most] =
    type === "event_count"
      ? ["events", limits.eventsPerGroupMax]
      : ["values", Math.min(limits.valuesPerGroupMax, limits.eventsPerGroupMax * limits.valuesPerEventMax)];
  const highest = Math.max(...bounds.map(({ number }) => number));
  if (highest <= most) return [];
  return [{ rule, message: `counts up to ${highest} ${what}, of which ${most} are kept in a group` }];
}
