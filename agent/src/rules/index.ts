/** Audit rules: from auditctl's syntax to the kernel, by difference, and watched there. */
export { describeRule } from "./describe.ts";
export { readRules } from "./files.ts";
export { KernelHold, LOCKED } from "./hold.ts";
export { RuleKeeper } from "./keeper.ts";
