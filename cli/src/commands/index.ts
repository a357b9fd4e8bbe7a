/** The commands; each writes to `print` and returns when it is done. */
export {
  audit,
  consoleLink,
  createApiToken,
  createToken,
  deleteApiToken,
  deleteToken,
  listApiTokens,
  listIdentities,
  listTokens,
  revokeHost,
  whoami,
} from "./access.ts";
export { alerts, showAlert, watchAlerts } from "./alerts.ts";
export { closeAlerts, workOnAlerts } from "./alertwork.ts";
export { metricName, parseMetric, showAggregate } from "./aggregate.ts";
export { get, search, type Showing, tail } from "./events.ts";
export { exportEvidence } from "./evidence.ts";
export { dropDeadBlocks, listDeadBlocks, replayDeadBlocks, showDeadBlock } from "./deadblocks.ts";
export { explain } from "./explain.ts";
export { exportEvents, FORMAT_NAMES } from "./export.ts";
export { diffHost, showHost, showHostAt } from "./hostat.ts";
export { hosts } from "./hosts.ts";
export { INTERVAL_NAMES, ledger } from "./ledger.ts";
export { reportSummary } from "./report.ts";
export { bothFilters, reportNamed, REPORTS } from "./reportlist.ts";
export { deleteQuery, listQueries, savedQuery, saveQuery } from "./saved.ts";
export { KIND_NAMES, parseKinds, timeline } from "./timeline.ts";
export { tree } from "./tree.ts";
export {
  createHold,
  listDrops,
  listHolds,
  listPolicies,
  planRetention,
  releaseHold,
  removePolicy,
  RETENTION_KIND_NAMES,
  setPolicy,
} from "./retention.ts";
export { auditRuleFiles } from "./audit.ts";
export {
  coverage,
  COVERAGE_STATE_NAMES,
  coverageChanges,
  coverageInstances,
  parseGrouping,
} from "./coverage.ts";
export { forecastSamples } from "./cost.ts";
export type { CostOptions } from "./costforecast.ts";
export { forecastMeasured } from "./costmeasured.ts";
export { fleet, generate } from "./fleet.ts";
export { listDeadLetters, listRoutes, redeliver, testNotification } from "./notify.ts";
export { plan } from "./plan.ts";
export { checkRuleFiles } from "./rules.ts";
export { checkStoredRules } from "./standing.ts";
export {
  deleteRuleset,
  enableRuleset,
  listRules,
  listRulesets,
  putRuleset,
  showRule,
  showRuleset,
  updateRule,
} from "./rulesets.ts";
export {
  createSuppression,
  expireSuppression,
  listSuppressions,
  previewSuppression,
} from "./suppressions.ts";
export { type Progress, testRules } from "./trial.ts";
export { verify } from "./verify.ts";
