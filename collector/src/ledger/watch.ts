/**
 * Looks at the ledgers of all hosts in turn, a little at a time, for those who raise alerts: whose numbers are missing, with nobody having said
 * why. What agents tell of their own losses is found by rules; this is what no event tells.
 */
import { setImmediate } from "node:timers/promises";
import type { LedgerImbalance } from "../model/index.ts";
import { ScanReport } from "../scan/index.ts";
import { firstFault, stateOf } from "./account.ts";
import { readAccounts } from "./read.ts";
import type { LedgerHost, LedgerPast } from "./source.ts";

/** What it needs beside what a ledger is made of. */
export interface WatchedPast extends LedgerPast {
  /** In the order of their ids, after one of them. */
  listHosts(afterId: string, limit: number): Promise<LedgerHost[]>;
}

const DAY_NANO = 86_400_000_000_000n;
const NANOS_OF_MS = 1_000_000n;
/** Time that one look takes about, at most: it goes on with the next host at the next one. */
const LOOK_MS = 1000;
/** What one host may take. */
const BUDGET = { timeMs: 30_000, bytes: 512 * 1024 * 1024, events: 50_000_000 };
const HOSTS_AT_ONCE = 50;

export class LedgerWatch {
  readonly #past: WatchedPast;
  /** Hosts that are still to be looked at in this round. */
  #waiting: LedgerHost[] = [];
  #afterId = "";
  #found = new Map<string, LedgerImbalance>();
  /** What was found in the round before, for hosts that were not come to yet. */
  #before = new Map<string, LedgerImbalance>();
  #isWhole = false;

  constructor(past: WatchedPast) {
    this.#past = past;
  }

  /** What is known by now; `isWhole` where each host was looked at at least once. Throws where the database is away. */
  async look(nowMs: number, signal: AbortSignal): Promise<{ imbalances: LedgerImbalance[]; isWhole: boolean }> {
    for (const endMs = performance.now() + LOOK_MS; performance.now() < endMs && !signal.aborted; ) {
      const host = await this.#next();
      if (host === undefined) break;
      await this.#lookAt(host, nowMs, signal);
      await setImmediate();
    }
    const known = new Map([...this.#before, ...this.#found]);
    return { imbalances: [...known.values()], isWhole: this.#isWhole };
  }

  async #next(): Promise<LedgerHost | undefined> {
    if (this.#waiting.length === 0) {
      this.#waiting = await this.#past.listHosts(this.#afterId, HOSTS_AT_ONCE);
      if (this.#waiting.length === 0) {
        [this.#afterId, this.#before, this.#found, this.#isWhole] = ["", this.#found, new Map(), true];
        return undefined;
      }
    }
    const host = this.#waiting.shift();
    this.#afterId = host?.hostId ?? this.#afterId;
    return host;
  }

  async #lookAt({ hostId, name }: LedgerHost, nowMs: number, signal: AbortSignal): Promise<void> {
    const endNano = BigInt(nowMs) * NANOS_OF_MS;
    const query = { hostIds: new Set([hostId]), startNano: endNano - DAY_NANO, endNano, nowNano: endNano };
    const [account] = await readAccounts(
      this.#past,
      { ...query, isWhole: false, budget: BUDGET, signal },
      new ScanReport(),
    );
    this.#before.delete(hostId);
    const fault = firstFault(account?.stretches.filter((stretch) => stateOf(stretch) === "unbalanced") ?? []);
    if (fault === undefined) return;
    const { missing } = fault.trail;
    const [reason] = fault.reasons.filter(({ kind }) => kind === "gone" || kind === "never-came");
    if (reason === undefined) return;
    this.#found.set(hostId, { hostId, name, sinceMs: fault.fromMs, events: Number(missing), detail: reason.detail });
  }
}
