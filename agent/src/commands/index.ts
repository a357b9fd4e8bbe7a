/** Questions about the agent and its host, answered on the command line. */
export { cost } from "./cost.ts";
export { doctor } from "./doctor.ts";
export { end } from "./end.ts";
export { listQuarantined, sendQuarantined } from "./quarantine.ts";
export { redactTest } from "./redact.ts";
export { checkRules, planOfRules } from "./rules.ts";
export { showStatus } from "./status.ts";
export { verify } from "./verify.ts";
