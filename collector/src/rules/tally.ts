/** How often rules alerted in the last 30 days, and how often they were right. */
import { type HostSet, type Labels, labelsKey } from "../access/index.ts";
import { isVisible } from "../work/index.ts";
import type { CountedAlerts } from "./stores.ts";

export interface RuleTally {
  alerts: number;
  truePositives: number;
  falsePositives: number;
  benign: number;
}

const PERIOD_MS = 30 * 86_400_000;
/** Ids of alerts begin with the time of their windows, which is in the past, or in a day at most. */
const AHEAD_MS = 86_400_000;
const PAGE = 1000;
/** The newest alerts count; there are more only where rules are of no use. */
const ALERTS_MAX = 100_000;
const CACHE_MS = 30_000;
/** Scopes whose counts are remembered. */
const CACHE_MAX = 64;

type Tallies = ReadonlyMap<string, RuleTally>;

/** True positives, benign ones too, of all that were decided; -1 where none was. */
export function precisionOf({ truePositives, falsePositives, benign }: RuleTally): number {
  const right = truePositives + benign;
  const decided = right + falsePositives;
  return decided === 0 ? -1 : right / decided;
}

export class RuleTallies {
  readonly #alerts: CountedAlerts;
  readonly #known = new Map<string, { readMs: number; tallies: Promise<Tallies> }>();

  constructor(alerts: CountedAlerts) {
    this.#alerts = alerts;
  }

  /** By the key of the rule, of alerts that a caller may see, as it was half a minute ago at most. */
  async tallies(hosts: HostSet, scope: Labels): Promise<Tallies> {
    const key = labelsKey(scope);
    const nowMs = performance.now();
    let known = this.#known.get(key);
    if (known === undefined || nowMs - known.readMs > CACHE_MS) {
      known = { readMs: nowMs, tallies: this.#count(hosts) };
      this.#known.delete(key);
      this.#known.set(key, known);
      known.tallies.catch(() => this.#known.delete(key));
      if (this.#known.size > CACHE_MAX) this.#known.delete(this.#known.keys().next().value ?? "");
    }
    return await known.tallies;
  }

  async #count(hosts: HostSet): Promise<Tallies> {
    const nowMs = Date.now();
    const startMs = nowMs - PERIOD_MS;
    // Whoever decided of an alert of these days did so after they began.
    const reasons = new Map(
      (await this.#alerts.closedSince(startMs)).map(({ alertId, closeReason }) => [alertId, closeReason]),
    );
    const tallies = new Map<string, RuleTally>();
    const wanted = { startMs, endMs: nowMs + AHEAD_MS, severityMin: 0, ruleKey: "", ruleset: "", hostId: "" };
    let afterId = "";
    for (let looked = 0; looked < ALERTS_MAX; looked += PAGE) {
      const page = await this.#alerts.listAlerts({ ...wanted, afterId, limit: PAGE });
      for (const { id, rule, hosts: own } of page) {
        if (!isVisible({ hosts: own }, hosts)) continue;
        const tally = tallies.get(rule?.key ?? "") ?? { alerts: 0, truePositives: 0, falsePositives: 0, benign: 0 };
        tallies.set(rule?.key ?? "", tally);
        tally.alerts++;
        const reason = reasons.get(id);
        if (reason === "true-positive") tally.truePositives++;
        if (reason === "false-positive") tally.falsePositives++;
        if (reason === "benign") tally.benign++;
      }
      afterId = page.at(-1)?.id ?? "";
      if (page.length < PAGE) break;
    }
    return tallies;
  }
}
