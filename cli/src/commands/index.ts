/** The commands; each writes to `print` and returns when it is done. */
export {
  audit,
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
export { get, hosts, search, tail } from "./events.ts";
export { auditRuleFiles } from "./audit.ts";
export type { Output } from "../output/index.ts";
export { fleet, generate, type HostWords } from "./fleet.ts";
export { listDeadLetters, listRoutes, redeliver, testNotification } from "./notify.ts";
export { plan } from "./plan.ts";
export { checkRuleFiles } from "./rules.ts";
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
  type SuppressionOptions,
} from "./suppressions.ts";
export { type Progress, testRules } from "./trial.ts";
