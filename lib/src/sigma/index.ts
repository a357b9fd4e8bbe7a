/**
 * Sigma: rule files to rules, as of specification 2.1. What the rules' fields mean is not known here.
 * Source: https://github.com/SigmaHQ/sigma-specification
 */
export {
  type AnyRule,
  type CollectionOptions,
  readRules,
  type Rejected,
  type RuleCollection,
  type RuleFile,
} from "./collection.ts";
export { type Bound, CORRELATION_TYPES, type CorrelationRule, type CorrelationType } from "./correlation.ts";
export {
  and,
  type Comparison,
  type Expression,
  FALSE,
  type Item,
  item,
  itemsOf,
  not,
  or,
  replaceItems,
  type Test,
  TRUE,
} from "./expression.ts";
export type { FilterRule } from "./filter.ts";
export { MODIFIERS, type Placeholders } from "./modifiers.ts";
export { ANY, longestPart, lowerCase, matcherOf, ONE, parsePattern, type Pattern, patternText } from "./pattern.ts";
export { nearest } from "../spelling/index.ts";
export { type Problem, SigmaError } from "./problem.ts";
export { type DetectionRule, type Level, LEVELS, type Logsource, type RuleInfo, ruleKey, type Status } from "./rule.ts";
