/**
 * Sigma's correlation rules, by the time at which events happened: an event that comes days late has the same part in windows as if it
 * had come at once.
 */
export { Correlator, type Restored } from "./correlator.ts";
export { CorrelateError, type CorrelateErrorCode } from "./error.ts";
export {
  type CorrelateCounters,
  type CorrelateLimits,
  type CorrelateOptions,
  type CorrelationChange,
  type CorrelationMatch,
  type CorrelationWithdrawal,
  DEFAULT_LIMITS,
  type GroupValue,
  type HistoryNeeded,
  type RuleMatch,
} from "./model.ts";
export { fieldsRead, type LimitWarning } from "./plan.ts";
export type { DroppedRule } from "./snapshot.ts";
