/**
 * Makes groups, counts and metrics of some events of one unit, wherever that is opened: so that a question about everything sends the answer
 * of each unit from thread to thread, and not its events.
 */
export { numberOfText } from "./hash.ts";
export { joined } from "./metric.ts";
export { isNumeric, type Metric, type MetricKind, planOf, type Reduce, type ReducePlan } from "./question.ts";
export { reduceAtOnce, reduceEvents } from "./reduce.ts";
export type {
  Reduced,
  ReducedBuckets,
  ReducedDistinct,
  ReducedMetric,
  ReducedNumbers,
  ReducedTexts,
} from "./reduced.ts";
export { NanoTimes } from "./times.ts";
