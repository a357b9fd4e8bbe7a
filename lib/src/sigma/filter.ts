/** Filter files: what is added to the conditions of other rules. */
import { compileDetection } from "./detection.ts";
import type { Expression } from "./expression.ts";
import type { ValueContext } from "./modifiers.ts";
import { SigmaError } from "./problem.ts";
import { type Logsource, mapOf, readLogsource, type RuleInfo } from "./rule.ts";
import { entryOf, kindOf, type MapNode, type Node } from "./source.ts";

export interface FilterRule extends RuleInfo {
  kind: "filter";
  logsource: Logsource;
  /** Names and ids of the rules that it is added to; undefined for all of its logsource. */
  ruleNames: readonly { name: string; line: number }[] | undefined;
  /** Is added by `and`: so what is to be left out stands under a `not`. */
  condition: Expression;
}

export function readFilter(root: MapNode, info: RuleInfo, context: ValueContext): FilterRule {
  const map = mapOf(root, "filter");
  const rules = entryOf(map, "rules");
  const detection = { ...map, entries: map.entries.filter(({ key }) => key !== "rules") };
  const condition = compileDetection(detection, context);
  if (!hasNot(condition))
    context.warn(
      map.line,
      "the filter's condition has no not: its rules will match only what the filter matches; to leave that out write not selection",
    );
  return {
    ...info,
    kind: "filter",
    logsource: readLogsource(root, context.warn),
    ruleNames: rules === undefined ? undefined : namesOf(rules),
    condition,
  };
}

/** Undefined for all: `any`, or an empty list. */
function namesOf(node: Node): { name: string; line: number }[] | undefined {
  if (node.kind === "scalar" && node.value === "any") return undefined;
  const nodes = node.kind === "list" ? node.items : [node];
  if (nodes.length === 0) return undefined;
  return nodes.map((inner) => {
    if (inner.kind === "scalar" && typeof inner.value === "string" && inner.value !== "")
      return { name: inner.value, line: inner.line };
    throw new SigmaError(inner.line, `a rule is named by its name or its id and not by ${kindOf(inner)}`);
  });
}

function hasNot(expression: Expression): boolean {
  if (expression.kind === "not") return true;
  return (expression.kind === "and" || expression.kind === "or") && expression.parts.some(hasNot);
}

/** True where events of the rule's logsource are among those of the filter's. */
export function coversLogsource(filter: Logsource, rule: Logsource): boolean {
  return (["category", "product", "service"] as const).every((key) => filter[key] === "" || filter[key] === rule[key]);
}
