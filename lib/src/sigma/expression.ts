/** What a rule asks of events, as a tree of questions. */
import type { Pattern } from "./pattern.ts";

export const COMPARISONS = ["lt", "lte", "gt", "gte"] as const;
export type Comparison = (typeof COMPARISONS)[number];

export const TIME_UNITS = ["minute", "hour", "day", "week", "month", "year"] as const;
export type TimeUnit = (typeof TIME_UNITS)[number];

/** What is asked of one value. Without `isCased` texts are compared without regard to case. */
export type Test =
  | { kind: "pattern"; pattern: Pattern; isCased: boolean }
  /** `source` in RE2's syntax, found anywhere in the value; flags are of i, m and s. */
  | { kind: "regex"; source: string; flags: string }
  /** An address of this network, as `203.0.113.0/24`. */
  | { kind: "cidr"; network: string }
  /** A number, which the value must be less than, at most … */
  | { kind: "compare"; comparison: Comparison; number: number }
  /** A part of a date in UTC, as the comparison says; without one it must be equal. */
  | { kind: "time"; unit: TimeUnit; comparison: Comparison | undefined; number: number }
  /** That the event has the field. `null` asks for the contrary. */
  | { kind: "exists" }
  /** Another field of the same event, whose value must be equal, or stand in this one. */
  | { kind: "field"; field: string; place: FieldPlace; isCased: boolean };

export type FieldPlace = "whole" | "start" | "end" | "anywhere";

/** A question to one field; to all texts of the event where `field` is empty. */
export interface Item {
  field: string;
  test: Test;
  line: number;
}

export type Expression =
  | { kind: "and" | "or"; parts: readonly Expression[] }
  | { kind: "not"; part: Expression }
  | { kind: "item"; item: Item }
  | { kind: "constant"; value: boolean };

export const TRUE: Expression = { kind: "constant", value: true };
export const FALSE: Expression = { kind: "constant", value: false };

export function item(field: string, test: Test, line: number): Expression {
  return { kind: "item", item: { field, test, line } };
}

/** All of them; what is constant is left out or decides. */
export function and(parts: readonly Expression[]): Expression {
  return joined("and", parts, TRUE, FALSE);
}

/** One of them at least. */
export function or(parts: readonly Expression[]): Expression {
  return joined("or", parts, FALSE, TRUE);
}

function joined(
  kind: "and" | "or",
  parts: readonly Expression[],
  neutral: Expression,
  deciding: Expression,
): Expression {
  const left: Expression[] = [];
  for (const part of parts) {
    if (part.kind === "constant") {
      if (part.value === (deciding as { value: boolean }).value) return deciding;
    } else if (part.kind === kind) left.push(...part.parts);
    else left.push(part);
  }
  const [only] = left;
  if (only === undefined) return neutral;
  return left.length === 1 ? only : { kind, parts: left };
}

export function not(part: Expression): Expression {
  if (part.kind === "constant") return part.value ? FALSE : TRUE;
  return part.kind === "not" ? part.part : { kind: "not", part };
}

/** Every item of the tree, also under a `not`. */
export function* itemsOf(expression: Expression): Generator<Item> {
  switch (expression.kind) {
    case "item":
      yield expression.item;
      return;
    case "not":
      yield* itemsOf(expression.part);
      return;
    case "and":
    case "or":
      for (const part of expression.parts) yield* itemsOf(part);
      return;
    default:
  }
}

/** The tree with each item replaced by what is known of it. */
export function replaceItems(expression: Expression, replace: (item: Item) => Expression): Expression {
  switch (expression.kind) {
    case "item":
      return replace(expression.item);
    case "not":
      return not(replaceItems(expression.part, replace));
    case "and":
      return and(expression.parts.map((part) => replaceItems(part, replace)));
    case "or":
      return or(expression.parts.map((part) => replaceItems(part, replace)));
    default:
      return expression;
  }
}
