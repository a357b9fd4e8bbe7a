/** Short ways to rules, for tests. */
import { readRules, type RuleCollection } from "./collection.ts";
import type { Expression, Item } from "./expression.ts";
import { patternText } from "./pattern.ts";
import type { DetectionRule } from "./rule.ts";

/** A rule with this detection, in YAML that begins in the first column. */
export function ruleText(detection: string, logsource = "{ product: linux, category: process_creation }"): string {
  const indented = detection.replace(/^(?=.)/gm, "  ");
  return `title: a test\nlogsource: ${logsource}\ndetection:\n${indented}\n`;
}

export function collect(...texts: string[]): RuleCollection {
  return readRules(texts.map((text, at) => ({ path: `${at + 1}.yml`, text })));
}

/** The one rule of a text; throws where it is rejected. */
export function onlyRule(text: string, placeholders: Record<string, string[]> = {}): DetectionRule {
  const { rules, rejected } = readRules([{ path: "1.yml", text }], {
    placeholders: new Map(Object.entries(placeholders)),
  });
  const [rule] = rules;
  const [problem] = rejected;
  if (problem !== undefined) throw new Error(`${problem.line}: ${problem.message}`);
  if (rule?.kind !== "detection") throw new Error("no rule");
  return rule;
}

/** Why a text is rejected, with its line. */
export function rejection(...texts: string[]): string {
  const { rejected } = collect(...texts);
  return rejected.map(({ line, message }) => `${line}: ${message}`).join("\n");
}

/** An expression in one line. */
export function shown(expression: Expression): string {
  switch (expression.kind) {
    case "item":
      return shownItem(expression.item);
    case "not":
      return `not ${shown(expression.part)}`;
    case "constant":
      return String(expression.value);
    default:
      return `(${expression.parts.map(shown).join(` ${expression.kind} `)})`;
  }
}

function shownItem({ field, test }: Item): string {
  switch (test.kind) {
    case "pattern":
      return `${field}${test.isCased ? "==" : "="}${patternText(test.pattern)}`;
    case "regex":
      return `${field}~/${test.source}/${test.flags}`;
    case "cidr":
      return `${field} in ${test.network}`;
    case "compare":
      return `${field} ${test.comparison} ${test.number}`;
    case "time":
      return `${test.unit}(${field}) ${test.comparison ?? "eq"} ${test.number}`;
    case "field":
      return `${field} ${test.place}${test.isCased ? " cased" : ""} @${test.field}`;
    default:
      return `${field} exists`;
  }
}
