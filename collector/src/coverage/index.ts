/** Looks at a cloud again and again, in one process at a time: which machines have an agent that reports, and which have none (decision 38). */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@hosttrail/lib/log";
import { metrics } from "../metrics/index.ts";
import { COVERAGE_STATES, type CoveragePoll } from "../model/index.ts";
import { Look, type LookOptions } from "./look.ts";
import type { Cloud, CoverageStore, HostSource } from "./ports.ts";

export { CoverageApi } from "./api.ts";
export type { HostSource, HostTrouble, KnownHost } from "./ports.ts";

export interface CoverageParts {
  hold: (signal: AbortSignal, work: (lease: Lease) => Promise<void>, logger: Logger) => Promise<void>;
  /** A cloud for one look. */
  openCloud: () => Cloud;
  store: CoverageStore;
  hosts: HostSource;
}

interface Lease {
  isHeld(): boolean;
  signal: AbortSignal;
}

export interface CoverageOptions extends LookOptions {
  pollMs: number;
}

/** A look that fails, as the database is away, is tried again after this time. */
const RETRY_MS = 5000;

export class CoverageWatch {
  readonly #parts: CoverageParts;
  readonly #options: CoverageOptions;
  readonly #logger: Logger;

  constructor(parts: CoverageParts, options: CoverageOptions, logger: Logger) {
    this.#parts = parts;
    this.#options = options;
    this.#logger = logger;
  }

  /** Works whenever it is the one, until the signal ends it. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#parts.hold(signal, (lease) => this.#work(lease), this.#logger);
  }

  async #work(lease: Lease): Promise<void> {
    metrics.coverageIsActive.set(1);
    try {
      while (!lease.signal.aborted) {
        const waitMs = await this.#lookWhenDue(lease);
        await sleep(waitMs, undefined, { signal: lease.signal }).catch(() => undefined);
      }
    } finally {
      metrics.coverageIsActive.set(0);
    }
  }

  /** Gives how long to wait for the next one. Whoever takes over does not look before its time. */
  async #lookWhenDue(lease: Lease): Promise<number> {
    try {
      const before = await this.#parts.store.getPoll();
      const dueMs = (before?.startMs ?? 0) + this.#options.pollMs;
      const nowMs = Date.now();
      // A clock that was set back must not end all looking.
      if (before !== undefined && nowMs < dueMs && nowMs >= before.startMs) return dueMs - nowMs;
      this.#tell(await this.#look(lease, nowMs));
      return this.#options.pollMs;
    } catch (error) {
      if (!lease.signal.aborted) {
        metrics.coveragePolls.inc({ result: "failed" });
        this.#logger.warn({ error: String(error) }, "the cloud could not be looked at");
      }
      return RETRY_MS;
    }
  }

  async #look(lease: Lease, nowMs: number): Promise<CoveragePoll> {
    const cloud = this.#parts.openCloud();
    try {
      const { store, hosts } = this.#parts;
      const parts = { cloud, store, hosts, options: this.#options, isHeld: () => lease.isHeld(), logger: this.#logger };
      return await new Look(parts, nowMs, lease.signal).run();
    } finally {
      cloud.close();
    }
  }

  #tell({ startMs, endMs, accounts, problems, counts }: CoveragePoll): void {
    metrics.coveragePolls.inc({ result: problems.length === 0 ? "whole" : "partial" });
    metrics.coverageProblems.set(problems.length);
    metrics.coverageSeconds.set((endMs - startMs) / 1000);
    for (const state of COVERAGE_STATES) metrics.coverageInstances.set({ state }, counts[state] ?? 0);
    this.#logger.info(
      { accounts: accounts.length, problems: problems.length, counts, tookMs: endMs - startMs },
      "the cloud was looked at",
    );
  }
}
