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
import type { CompiledRule } from "./compile.ts";

export { type CompiledRule, compileRules, RuleError } from "./compile.ts";

const AUDIT_ADD_RULE = 1011;
const AUDIT_DEL_RULE = 1012;
const LOCKED = 2;

/** What is ours in the kernel. */
interface Held {
  /** Rules that we added: struct audit_rule_data in base64. */
  rules: string[];
  /** Settings as they were before us. */
  settings: KernelSettings;
}

/** Keeps account of what we changed in the kernel. */
export class KernelHold {
  readonly #path: string;
  readonly #kernel: KernelAudit;
  #held: Held;

  constructor(kernel: KernelAudit, stateDirectory: string) {
    this.#kernel = kernel;
    this.#path = join(stateDirectory, "kernel.json");
    this.#held = existsSync(this.#path)
      ? (JSON.parse(readFileSync(this.#path, "utf8")) as Held)
      : { rules: [], settings: {} };
  }

  #save(): void {
    writeFileDurably(this.#path, JSON.stringify(this.#held));
  }

  /** Changes settings that differ, remembering what they were. */
  applySettings(wanted: KernelSettings): void {
    const status = this.#kernel.status();
    if (status.enabled === LOCKED) throw new Error("audit is locked (enabled 2): settings change only after a reboot");
    const change: KernelSettings = {};
    for (const name of Object.keys(wanted) as (keyof KernelSettings)[]) {
      const before = status[name as keyof KernelStatus];
      if (before === undefined || before === wanted[name]) continue;
      change[name] = wanted[name] as number;
      this.#held.settings[name] ??= before;
    }
    if (Object.keys(change).length === 0) return;
    this.#save();
    this.#kernel.set(change);
  }

  /** Adds the rules that the kernel does not have yet; returns how many. Errors name the rule. */
  applyRules(rules: readonly CompiledRule[]): number {
    if (rules.length > 0 && this.#kernel.status().enabled === LOCKED) {
      throw new Error("audit is locked (enabled 2): rules change only after a reboot");
    }
    let added = 0;
    for (const rule of rules) {
      const encoded = rule.payload.toString("base64");
      const known = this.#held.rules.includes(encoded);
      if (!known) {
        this.#held.rules.push(encoded);
        this.#save();
      }
      try {
        this.#kernel.request(AUDIT_ADD_RULE, rule.payload);
        added++;
      } catch (error) {
        // There already: from an earlier life of ours (then it stays ours) or by somebody else's hand.
        const exists = errnoOf(error) === "EEXIST";
        if (!known) this.#held.rules.pop();
        if (!exists) {
          throw new Error(`the kernel refuses the rule "${rule.source}" (${errnoOf(error) ?? String(error)})`, {
            cause: error,
          });
        }
      }
    }
    this.#save();
    return added;
  }

  /** Takes our rules away. Safe twice. */
  releaseRules(): number {
    let removed = 0;
    for (const encoded of this.#held.rules) {
      try {
        this.#kernel.request(AUDIT_DEL_RULE, Buffer.from(encoded, "base64"));
        removed++;
      } catch (error) {
        // ENOENT: somebody removed it before us.
        if (errnoOf(error) !== "ENOENT") throw error;
      }
    }
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
