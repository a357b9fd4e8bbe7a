/** What a correlation asks of a window. */
import type { Bound, CorrelationRule, Expression } from "../sigma/index.ts";
import {
  type Aggregate,
  EventCount,
  RuleCount,
  RuleOrder,
  ValueCount,
  ValuePercentile,
  ValueSum,
} from "./aggregate.ts";
import type { Entry } from "./entry.ts";

export interface Question {
  readonly spanS: number;
  /** What of the values of the rule's fields is kept of an event. */
  readonly values: "none" | "texts" | "numbers";
  /** Whether it makes a difference which of the rules matched. */
  readonly isAboutRules: boolean;
  readonly isOrdered: boolean;
  /** Whether only events are counted. */
  readonly isCount: boolean;
  /** True where a condition that holds goes on to with each further event. */
  readonly isRising: boolean;
  /** True where a lower value is the stronger one. */
  readonly isFromAbove: boolean;
  readonly bounds: readonly Bound[];
  newAggregate(): Aggregate;
  /** What the condition is held against, where it holds; else NaN. */
  decide(aggregate: Aggregate, oldest: Entry): number;
  /** The same where only events are counted. */
  decideCount(count: number): number;
}

export function questionOf(rule: CorrelationRule): Question {
  const { type, bounds, extended } = rule;
  const holds = holdsOf(bounds);
  const isPresent = extended === undefined ? undefined : presenceOf(extended, rule);
  return {
    // Sigma knows no timespan shorter than a second, and no parts of seconds.
    spanS: rule.timespanMs / 1000,
    values: type === "value_count" ? "texts" : type.startsWith("value_") ? "numbers" : "none",
    isAboutRules: type === "temporal" || type === "temporal_ordered",
    isOrdered: type === "temporal_ordered",
    isCount: type === "event_count",
    isRising:
      isPresent === undefined &&
      (type === "event_count" || type === "value_count" || type.startsWith("temporal")) &&
      bounds.every(({ comparison }) => comparison === "gt" || comparison === "gte"),
    isFromAbove: bounds.length > 0 && bounds.every(({ comparison }) => comparison === "lt" || comparison === "lte"),
    bounds,
    newAggregate: aggregatesOf(rule),
    decideCount: (count) => (holds(count) ? count : Number.NaN),
    decide(aggregate, oldest) {
      const value = aggregate.measure(oldest);
      return holds(value) && (isPresent === undefined || isPresent(aggregate)) ? value : Number.NaN;
    },
  };
}

function aggregatesOf({ type, rules, percentile }: CorrelationRule): () => Aggregate {
  switch (type) {
    case "event_count":
      return () => new EventCount();
    case "value_count":
      return () => new ValueCount();
    case "value_sum":
      return () => new ValueSum(false);
    case "value_avg":
      return () => new ValueSum(true);
    case "value_median":
      return () => new ValuePercentile(50);
    case "value_percentile":
      return () => new ValuePercentile(percentile ?? 50);
    case "temporal":
      return () => new RuleCount(rules.length);
    default:
      return () => new RuleOrder(rules.length);
  }
}

export function holdsBound({ comparison, number }: Bound, value: number): boolean {
  switch (comparison) {
    case "gt":
      return value > number;
    case "gte":
      return value >= number;
    case "lt":
      return value < number;
    case "lte":
      return value <= number;
    case "eq":
      return value === number;
    default:
      return value !== number;
  }
}

function holdsOf(bounds: readonly Bound[]): (value: number) => boolean {
  const [bound] = bounds;
  if (bound !== undefined && bounds.length === 1) {
    const { comparison, number } = bound;
    if (comparison === "gte") return (value) => value >= number;
    return (value) => holdsBound(bound, value);
  }
  return (value) => bounds.every((bound) => holdsBound(bound, value));
}

/** A condition that names rules: each item is whether its rule matched in the window. */
function presenceOf(expression: Expression, rule: CorrelationRule): (aggregate: Aggregate) => boolean {
  switch (expression.kind) {
    case "item": {
      const { field } = expression.item;
      const number = rule.rules.findIndex(({ name, id }) => name === field || id === field);
      return (aggregate) => number >= 0 && aggregate.has?.(number) === true;
    }
    case "not": {
      const part = presenceOf(expression.part, rule);
      return (aggregate) => !part(aggregate);
    }
    case "and":
    case "or": {
      const parts = expression.parts.map((part) => presenceOf(part, rule));
      return expression.kind === "and"
        ? (aggregate) => parts.every((part) => part(aggregate))
        : (aggregate) => parts.some((part) => part(aggregate));
    }
    default:
      return () => expression.value;
  }
}
