/** Sees to it that the kernel has our rules, now and later: others may take them away. */
import { describeRule } from "./describe.ts";
import type { CompiledRules, RuleProblem } from "./compile.ts";
import type { KernelHold } from "./hold.ts";

/** Rules that are named in one report. */
const NAMED_MAX = 16;

/** How the kernel's rules stand. */
export interface RuleState {
  wanted: number;
  loaded: number;
  foreign: number;
  /** Rules that cannot be compiled, or that the kernel refuses. */
  problems: RuleProblem[];
  /** Why rules could not be applied at all; empty where they were. */
  failure: string;
}

/** What changed since the last look. */
export interface Drift {
  added: string[];
  removed: string[];
  refused: RuleProblem[];
  failure: string;
}

export class RuleKeeper {
  readonly #hold: KernelHold;
  readonly #read: () => CompiledRules;
  /** False only looks. */
  readonly #manage: boolean;
  #compiled: CompiledRules;
  #refused: RuleProblem[] = [];
  #failure = "";

  constructor(hold: KernelHold, read: () => CompiledRules, manage: boolean) {
    this.#hold = hold;
    this.#read = read;
    this.#manage = manage;
    this.#compiled = read();
  }

  /** The rules as they were read, with the lines that are none. */
  get compiled(): CompiledRules {
    return this.#compiled;
  }

  /** Reads the rule files again; what the kernel refused before is tried again. */
  reload(): void {
    this.#compiled = this.#read();
    this.#refused = [];
  }

  /** Compares, and applies where we may. Undefined where all was as it should be. Never throws. */
  check(): Drift | undefined {
    try {
      const plan = this.#hold.plan(this.#compiled.rules);
      // What the kernel refused once is not tried again every minute.
      const isRefused = (source: string): boolean => this.#refused.some((problem) => problem.source === source);
      const add = plan.add.filter(({ source }) => !isRefused(source));
      const failed = this.#failure;
      this.#failure = "";
      if (add.length + plan.remove.length === 0) return undefined;
      if (this.#manage) {
        const { refused } = this.#hold.applyRules(this.#compiled.rules.filter(({ source }) => !isRefused(source)));
        this.#refused.push(...refused);
      } else if (failed !== "") return undefined;
      else this.#failure = "rules differ, and audit.manage is never";
      return {
        added: add.map(({ data }) => describeRule(data)).slice(0, NAMED_MAX),
        removed: plan.remove.map(({ data }) => describeRule(data)).slice(0, NAMED_MAX),
        refused: this.#refused,
        failure: this.#failure,
      };
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      // Told once, not every minute.
      const isNew = failure !== this.#failure;
      this.#failure = failure;
      return isNew ? { added: [], removed: [], refused: [], failure } : undefined;
    }
  }

  /**
   * What the kernel has loaded, in auditctl's syntax, but for the rule by which this process leaves itself out: that one is another one after
   * each start. Or why that is not known. Never throws.
   */
  loaded(): string[] | { problem: string } {
    try {
      const own = `-F pid=${process.pid}`;
      return this.#hold.loaded().flatMap((rule) => {
        const text = describeRule(rule);
        return text.startsWith("-a never,exit ") && text.endsWith(own) ? [] : [text];
      });
    } catch (error) {
      return { problem: error instanceof Error ? error.message : String(error) };
    }
  }

  state(): RuleState {
    const problems = [...this.#compiled.errors, ...this.#refused];
    try {
      const { kept, add, foreign } = this.#hold.plan(this.#compiled.rules);
      return {
        wanted: kept.length + add.length,
        loaded: kept.length,
        foreign: foreign.length,
        problems,
        failure: this.#failure,
      };
    } catch (error) {
      return { wanted: this.#compiled.rules.length, loaded: 0, foreign: 0, problems, failure: String(error) };
    }
  }
}
