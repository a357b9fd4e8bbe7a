/** Correlation rules: what several events, each matched by a rule, say together. */
import { compileCondition } from "./condition.ts";
import { type Expression, item } from "./expression.ts";
import { nearest } from "../spelling/index.ts";
import { SigmaError } from "./problem.ts";
import { type DetectionRule, lineOf, listOf, mapOf, type RuleInfo, textOf } from "./rule.ts";
import { entryOf, kindOf, type MapNode, type Node } from "./source.ts";

export const CORRELATION_TYPES = [
  "event_count",
  "value_count",
  "value_sum",
  "value_avg",
  "value_percentile",
  "value_median",
  "temporal",
  "temporal_ordered",
] as const;
export type CorrelationType = (typeof CORRELATION_TYPES)[number];

/** A bound of what is counted. */
export interface Bound {
  comparison: "gt" | "gte" | "lt" | "lte" | "eq" | "neq";
  number: number;
}

export interface CorrelationRule extends RuleInfo {
  kind: "correlation";
  type: CorrelationType;
  /** In their order. */
  rules: readonly (DetectionRule | CorrelationRule)[];
  /** Fields, or aliases, whose values divide events into groups; one group where there is none. */
  groupBy: readonly string[];
  /** What an alias stands for, by rule. */
  aliases: ReadonlyMap<string, ReadonlyMap<DetectionRule | CorrelationRule, string>>;
  timespanMs: number;
  /** All of them must hold. */
  bounds: readonly Bound[];
  /** Whose values are counted; several are counted together. */
  fields: readonly string[];
  /** Of value_percentile, 0 to 100. */
  percentile: number | undefined;
  /** Of temporal ones: which rules must have matched, as items whose field is a rule's name or id. */
  extended: Expression | undefined;
  /** True where its rules alert for themselves, too. */
  generate: boolean;
}

/** A correlation before the rules are found that it names. */
export interface ParsedCorrelation extends Omit<CorrelationRule, "rules" | "aliases"> {
  ruleNames: readonly { name: string; line: number }[];
  aliasNames: ReadonlyMap<string, readonly { rule: string; field: string; line: number }[]>;
}

const KEYS = ["type", "rules", "group-by", "timespan", "condition", "aliases", "generate"] as const;
const CONDITION_KEYS = ["gt", "gte", "lt", "lte", "eq", "neq", "field", "percentile"] as const;
const RULES_MAX = 100;
const DAY_MS = 86_400_000;
const TIMESPAN_MAX_MS = 31 * DAY_MS;
const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS };

export function readCorrelation(root: MapNode, info: RuleInfo): ParsedCorrelation {
  const map = mapOf(root, "correlation");
  for (const { key, line } of map.entries) {
    if (!(KEYS as readonly string[]).includes(key))
      throw new SigmaError(
        line,
        `unknown key "${key}" of correlation${nearest(key, KEYS)}; known are ${KEYS.join(", ")}`,
      );
  }
  const type = typeOf(map);
  const ruleNames = rulesOf(map);
  const condition = conditionOf(map, type, ruleNames);
  return {
    ...info,
    kind: "correlation",
    type,
    ruleNames,
    groupBy: listOf(map, "group-by"),
    aliasNames: aliasesOf(map),
    timespanMs: timespanOf(map),
    ...condition,
    generate: generateOf(map, root),
  };
}

function typeOf(map: MapNode): CorrelationType {
  const text = textOf(map, "type");
  const type = CORRELATION_TYPES.find((other) => other === text);
  if (type !== undefined) return type;
  throw new SigmaError(
    lineOf(map, "type"),
    `the correlation's type is "${text}"${nearest(text, CORRELATION_TYPES)}; allowed are ${CORRELATION_TYPES.join(", ")}`,
  );
}

function rulesOf(map: MapNode): { name: string; line: number }[] {
  const node = entryOf(map, "rules");
  if (node === undefined) throw new SigmaError(map.line, "a correlation needs rules");
  const nodes = node.kind === "list" ? node.items : [node];
  if (nodes.length === 0) throw new SigmaError(node.line, "an empty list of rules");
  if (nodes.length > RULES_MAX)
    throw new SigmaError(node.line, `${nodes.length} rules; at most ${RULES_MAX} are allowed`);
  const names = nodes.map((inner) => ({ name: nameOf(inner), line: inner.line }));
  const seen = new Set<string>();
  for (const { name, line } of names) {
    if (seen.has(name)) throw new SigmaError(line, `the rule "${name}" is named twice`);
    seen.add(name);
  }
  return names;
}

function nameOf(node: Node): string {
  if (node.kind === "scalar" && typeof node.value === "string" && node.value !== "") return node.value;
  throw new SigmaError(node.line, `a rule is named by its name or its id and not by ${kindOf(node)}`);
}

function timespanOf(map: MapNode): number {
  // The old name is met still.
  const key = entryOf(map, "timespan") === undefined ? "timeframe" : "timespan";
  const text = textOf(map, key);
  const [, digits, unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const ms = Number(digits) * (UNITS[unit] ?? Number.NaN);
  if (ms > 0 && ms <= TIMESPAN_MAX_MS) return ms;
  throw new SigmaError(
    lineOf(map, key),
    `timespan is "${text}"; allowed is a number and s, m, h or d, as 5m, up to ${TIMESPAN_MAX_MS / DAY_MS}d`,
  );
}

function generateOf(map: MapNode, root: MapNode): boolean {
  const node = entryOf(map, "generate") ?? entryOf(root, "generate");
  if (node === undefined) return false;
  if (node.kind === "scalar" && typeof node.value === "boolean") return node.value;
  throw new SigmaError(node.line, `generate is true or false and not ${kindOf(node)}`);
}

function aliasesOf(map: MapNode): Map<string, { rule: string; field: string; line: number }[]> {
  const node = entryOf(map, "aliases");
  if (node === undefined) return new Map();
  if (node.kind !== "map") throw new SigmaError(node.line, `aliases is a map and not ${kindOf(node)}`);
  return new Map(
    node.entries.map(({ key, node: inner, line }) => {
      if (inner.kind !== "map" || inner.entries.length === 0)
        throw new SigmaError(line, `the alias "${key}" is a map of a rule's name and its field`);
      return [
        key,
        inner.entries.map((entry) => ({ rule: entry.key, field: fieldOf(entry.node, key), line: entry.line })),
      ];
    }),
  );
}

function fieldOf(node: Node, alias: string): string {
  if (node.kind === "scalar" && typeof node.value === "string" && node.value !== "") return node.value;
  throw new SigmaError(node.line, `the alias "${alias}" stands for a field's name and not for ${kindOf(node)}`);
}

type Condition = Pick<CorrelationRule, "bounds" | "fields" | "percentile" | "extended">;

function conditionOf(map: MapNode, type: CorrelationType, rules: readonly { name: string }[]): Condition {
  const node = entryOf(map, "condition");
  const isTemporal = type === "temporal" || type === "temporal_ordered";
  if (node === undefined) {
    if (!isTemporal) throw new SigmaError(map.line, `${type} needs a condition, as gte: 10`);
    return {
      bounds: [{ comparison: "gte", number: rules.length }],
      fields: [],
      percentile: undefined,
      extended: undefined,
    };
  }
  if (node.kind === "scalar" && typeof node.value === "string") {
    if (type !== "temporal")
      throw new SigmaError(node.line, `a condition that names rules is for temporal; ${type} needs a map, as gte: 10`);
    return { bounds: [], fields: [], percentile: undefined, extended: extendedOf(node.value, rules, node.line) };
  }
  if (node.kind !== "map") throw new SigmaError(node.line, `the condition is a map and not ${kindOf(node)}`);
  const bounds = boundsOf(node);
  const fields = listOf(node, "field");
  if (type.startsWith("value_") && fields.length === 0)
    throw new SigmaError(node.line, `${type} needs the field that it is about`);
  if (!type.startsWith("value_") && fields.length > 0)
    throw new SigmaError(lineOf(node, "field"), `${type} has no field; value_count has`);
  if (type !== "value_count" && fields.length > 1)
    throw new SigmaError(lineOf(node, "field"), `${type} is about one field`);
  const percentile = percentileOf(node, type);
  return { bounds, fields, percentile, extended: undefined };
}

function boundsOf(map: MapNode): Bound[] {
  const bounds: Bound[] = [];
  for (const { key, node, line } of map.entries) {
    if (!(CONDITION_KEYS as readonly string[]).includes(key))
      throw new SigmaError(
        line,
        `unknown key "${key}" of a condition${nearest(key, CONDITION_KEYS)}; known are ${CONDITION_KEYS.join(", ")}`,
      );
    if (key === "field" || key === "percentile") continue;
    bounds.push({ comparison: key as Bound["comparison"], number: numberOf(node, key) });
  }
  if (bounds.length === 0) throw new SigmaError(map.line, "a condition without gt, gte, lt, lte, eq or neq");
  const least = Math.max(...bounds.map(leastOf));
  const most = Math.min(...bounds.map(mostOf));
  if (least > most)
    throw new SigmaError(map.line, "a condition that nothing can fulfil: its bounds contradict each other");
  return bounds;
}

function leastOf({ comparison, number }: Bound): number {
  if (comparison === "gt") return number + Number.EPSILON * Math.abs(number);
  return comparison === "gte" || comparison === "eq" ? number : Number.NEGATIVE_INFINITY;
}

function mostOf({ comparison, number }: Bound): number {
  if (comparison === "lt") return number - Number.EPSILON * Math.abs(number);
  return comparison === "lte" || comparison === "eq" ? number : Number.POSITIVE_INFINITY;
}

function numberOf(node: Node, key: string): number {
  const value = node.kind === "scalar" ? node.value : undefined;
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  throw new SigmaError(node.line, `${key} is a number and not ${kindOf(node)}`);
}

function percentileOf(map: MapNode, type: CorrelationType): number | undefined {
  const node = entryOf(map, "percentile");
  if (node === undefined) {
    if (type === "value_percentile") throw new SigmaError(map.line, "value_percentile needs percentile, 0 to 100");
    return undefined;
  }
  if (type !== "value_percentile") throw new SigmaError(node.line, `${type} has no percentile`);
  const number = numberOf(node, "percentile");
  if (number >= 0 && number <= 100) return number;
  throw new SigmaError(node.line, `percentile is ${number}; allowed is 0 to 100`);
}

/** `rule_a and not rule_b`. */
function extendedOf(text: string, rules: readonly { name: string }[], line: number): Expression {
  const expressions = new Map(rules.map(({ name }) => [name, item(name, { kind: "exists" }, line)]));
  return compileCondition(text, { expressions, used: () => undefined }, line);
}
