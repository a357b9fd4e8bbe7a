/** Audit rules: from auditctl's syntax to the kernel, by difference, and watched there. */
export { describeRule } from "./describe.ts";
export { readRules, rulesSha256 } from "./files.ts";
export { withoutPlace } from "./data.ts";
export { AUDIT_ADD_RULE, AUDIT_DEL_RULE, AUDIT_LIST_RULES, KernelHold, LOCKED } from "./hold.ts";
export { RuleKeeper } from "./keeper.ts";
export { keysOfRules } from "./keys.ts";
