/**
 * The kernel's rules and settings that are ours: put there by difference, and taken away again.
 *
 * What we changed is written to the state folder before it is changed, so that after any kind of end it can
 * be undone: rules and settings of others are never touched.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeFileDurably } from "@hosttrail/lib/files";
import { errnoOf, type KernelAudit, type KernelSettings, type KernelStatus } from "../kernel/index.ts";
import type { CompiledRule, RuleProblem } from "./compile.ts";
import { decodeRule, identityOf, type RuleData, withoutPlace } from "./data.ts";
import { loadedRules, planRules, type RulePlan } from "./plan.ts";

export const AUDIT_ADD_RULE = 1011;
export const AUDIT_DEL_RULE = 1012;
export const AUDIT_LIST_RULES = 1013;
export const LOCKED = 2;

/** What is ours in the kernel. */
interface Held {
  /** Rules that we added: struct audit_rule_data in base64. */
  rules: string[];
  /** Settings as they were before us. */
  settings: KernelSettings;
}

/** What came of applying a plan. */
export interface AppliedRules {
  added: number;
  removed: number;
  /** Rules that the kernel did not take, each with file, line and reason. */
  refused: RuleProblem[];
}

/** Keeps account of what we changed in the kernel. */
export class KernelHold {
  readonly #path: string;
  readonly #kernel: KernelAudit;
  #held: Held;
  #ours: Set<string>;

  constructor(kernel: KernelAudit, stateDirectory: string) {
    this.#kernel = kernel;
    this.#path = join(stateDirectory, "kernel.json");
    this.#held = existsSync(this.#path)
      ? (JSON.parse(readFileSync(this.#path, "utf8")) as Held)
      : { rules: [], settings: {} };
    this.#ours = this.#identities();
  }

  #identities(): Set<string> {
    return new Set(this.#held.rules.map((rule) => identityOfPayload(Buffer.from(rule, "base64"))));
  }

  #save(): void {
    writeFileDurably(this.#path, JSON.stringify(this.#held));
    this.#ours = this.#identities();
  }

  /** Changes settings that differ, remembering what they were. */
  applySettings(wanted: KernelSettings): void {
    const status = this.#kernel.status();
    const change: KernelSettings = {};
    for (const name of Object.keys(wanted) as (keyof KernelSettings)[]) {
      const before = status[name as keyof KernelStatus];
      // A locked audit (enabled 2) is on, which is all that we want of it.
      if (before === undefined || before === wanted[name] || (name === "enabled" && before === LOCKED)) continue;
      change[name] = wanted[name] as number;
      this.#held.settings[name] ??= before;
    }
    if (Object.keys(change).length === 0) return;
    if (status.enabled === LOCKED) throw new Error("audit is locked (enabled 2): settings change only after a reboot");
    this.#save();
    this.#kernel.set(change);
  }

  /** All rules that the kernel has, whoever put them there, in its order; one that cannot be read has no fields. */
  loaded(): RuleData[] {
    return loadedRules(this.#kernel.request(AUDIT_LIST_RULES, Buffer.alloc(0), true)).map(({ data }) => data);
  }

  /** What applying these rules would change. */
  plan(wanted: readonly CompiledRule[]): RulePlan<CompiledRule> {
    return planRules(loadedRules(this.#kernel.request(AUDIT_LIST_RULES, Buffer.alloc(0), true)), wanted, (identity) =>
      this.#ours.has(identity),
    );
  }

  /** Makes the kernel have these rules, and leaves those of others alone. One that it refuses costs no other one. */
  applyRules(wanted: readonly CompiledRule[]): AppliedRules {
    const { remove, add } = this.plan(wanted);
    if (remove.length + add.length === 0) return { added: 0, removed: 0, refused: [] };
    if (this.#kernel.status().enabled === LOCKED) {
      throw new Error("audit is locked (enabled 2): rules change only after a reboot");
    }
    for (const { payload } of remove) this.#remove(payload);
    // Written first: a crash in the middle must not leave rules behind that nobody knows.
    this.#held.rules = [
      ...this.#held.rules.filter((rule) => !isOneOf(rule, remove)),
      ...add.map(({ payload }) => payload.toString("base64")),
    ];
    this.#save();
    const refused: RuleProblem[] = [];
    for (const rule of add) {
      try {
        this.#kernel.request(AUDIT_ADD_RULE, rule.payload);
      } catch (error) {
        const { file, line, source } = rule;
        refused.push({ file, line, source, reason: refusal(error) });
        this.#held.rules = this.#held.rules.filter((held) => held !== rule.payload.toString("base64"));
      }
    }
    if (refused.length > 0) this.#save();
    return { added: add.length - refused.length, removed: remove.length, refused };
  }

  #remove(payload: Buffer): boolean {
    try {
      this.#kernel.request(AUDIT_DEL_RULE, withoutPlace(payload));
      return true;
    } catch (error) {
      // ENOENT: somebody removed it before us.
      if (errnoOf(error) !== "ENOENT") throw error;
      return false;
    }
  }

  /** Takes our rules away. Safe twice. */
  releaseRules(): number {
    const removed = this.#held.rules.filter((rule) => this.#remove(Buffer.from(rule, "base64"))).length;
    if (this.#held.rules.length > 0) {
      this.#held.rules = [];
      this.#save();
    }
    return removed;
  }

  /** Takes our rules away and sets the settings back. Safe twice, and after any end of an earlier life. */
  release(): { rules: number; settings: number } {
    const rules = this.releaseRules();
    const { settings } = this.#held;
    this.#kernel.set(settings);
    this.#held = { rules: [], settings: {} };
    rmSync(this.#path, { force: true });
    return { rules, settings: Object.keys(settings).length };
  }
}

function identityOfPayload(payload: Buffer): string {
  const data = decodeRule(payload);
  return data === undefined ? payload.toString("base64") : identityOf(data);
}

function isOneOf(rule: string, removed: readonly { identity: string }[]): boolean {
  const identity = identityOfPayload(Buffer.from(rule, "base64"));
  return removed.some((each) => each.identity === identity);
}

const REFUSALS: Readonly<Record<string, string>> = {
  EINVAL: "the kernel knows no such combination of fields, operators and values (EINVAL)",
  ENOENT: "the path is not there (ENOENT)",
  EEXIST: "another rule is the same to the kernel (EEXIST)",
  EPERM: "CAP_AUDIT_CONTROL is missing, or audit is locked (EPERM)",
  E2BIG: "too many fields (E2BIG)",
  EOPNOTSUPP: "this kernel does not support it (EOPNOTSUPP)",
  ENOMEM: "the kernel has no memory for it (ENOMEM)",
};

function refusal(error: unknown): string {
  const errno = errnoOf(error);
  return errno === undefined ? String(error) : (REFUSALS[errno] ?? `the kernel refuses it (${errno})`);
}
