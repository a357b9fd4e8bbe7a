/** Detection: Sigma rules on the events of blocks. */
export { type AuditLine, type AuditPlan, auditFor } from "./audit.ts";
export { type AuditRule, type AuditRules, readAuditRules } from "./auditrules.ts";
export { type Exclusion, exclusionOf } from "./blind.ts";
export { CHECK_RESULTS, type CheckResult, checkRules, type RuleCheck } from "./check.ts";
export { type SigmaField } from "./events.ts";
export { PlainRules } from "./plain.ts";
export { mappingTables } from "./table.ts";
export { type Inert, type Match, type MissingField, missingFields, type NotCompiled, RuleSet } from "./ruleset.ts";
export type { SieveQuestion } from "./sieve.ts";
export { CATEGORIES, type Category, type LogsourceReading, readLogsource } from "./taxonomy.ts";
