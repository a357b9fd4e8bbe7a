/** What is to be made of events: in words that can be sent to whoever has them, and with the fields themselves. */
import { type Field, FIELDS } from "@hosttrail/lib/predicate";

export type MetricKind = "distinct" | "min" | "max" | "sum" | "average";

/** Width of buckets, seconds, and the number of the first one since 1970. */
export interface Stretches {
  seconds: number;
  firstStretch: number;
}

/** Groups of events, and what is told of each. Fields are named as FIELDS has them. */
export interface Reduce {
  groupBy: readonly string[];
  metrics: readonly { kind: MetricKind; field: string }[];
  histogram: Stretches | undefined;
}

export interface Metric {
  kind: MetricKind;
  field: Field;
}

export interface ReducePlan {
  groupBy: readonly Field[];
  metrics: readonly Metric[];
  histogram: Stretches | undefined;
}

/** Throws a RangeError for a field that is not there: whoever takes such words from others looks at them first. */
export function planOf({ groupBy, metrics, histogram }: Reduce): ReducePlan {
  return {
    groupBy: groupBy.map(fieldOf),
    metrics: metrics.map(({ kind, field }) => ({ kind, field: fieldOf(field) })),
    histogram,
  };
}

function fieldOf(name: string): Field {
  const field = FIELDS.get(name);
  if (field === undefined) throw new RangeError(`${name} is no field of events`);
  return field;
}

/** True for a field whose values are whole numbers: of others there is no sum. */
export function isNumeric({ type }: Field): boolean {
  const accepts = (text: string): boolean => {
    const question = type.ask(text, false);
    return question !== undefined && !("problem" in question);
  };
  return type.order !== undefined && accepts("9") && !accepts("x");
}
