/** What is to be made of events, in words that can be sent to whoever has them. */

type MetricKind = "distinct" | "min" | "max" | "sum" | "average";

/** Width of buckets, seconds, and the number of the first one since 1970. */
interface Stretches {
  seconds: number;
  firstStretch: number;
}

/** Groups of events, and what is told of each. Fields are named as FIELDS has them. */
export interface Reduce {
  groupBy: readonly string[];
  metrics: readonly { kind: MetricKind; field: string }[];
  histogram: Stretches | undefined;
}
