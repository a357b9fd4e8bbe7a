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
export { get, hosts, search, tail } from "./events.ts";
export type { Output } from "./output.ts";
export { fleet, generate, type HostWords } from "./fleet.ts";
export { listDeadLetters, listRoutes, redeliver, testNotification } from "./notify.ts";
export { plan } from "./plan.ts";
export { checkRuleFiles } from "./rules.ts";
export { type Progress, testRules } from "./trial.ts";
