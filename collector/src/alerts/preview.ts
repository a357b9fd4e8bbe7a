/** What a suppression would have hidden of the alerts that there are, told from the events that they keep. */
import { ColumnBlock, encodeColumns, EVENTS_MAX, parseEventId } from "@hosttrail/lib/block";
import type { Alert, PreviewSuppressionResponse } from "@hosttrail/proto/alert";
import type { Event } from "@hosttrail/proto/event";
import type { HostSet, Labels } from "../access/index.ts";
import type { SuppressionDocument } from "../model/index.ts";
import { Suppressions } from "../suppress/index.ts";
import { ANY, pagesOf } from "./find.ts";
import type { AlertStores } from "./stores.ts";

/** The newest alerts are looked at; with their events they are large. */
const PREVIEW_ALERTS_MAX = 10_000;
/** Alerts that an answer names. */
const NAMED_MAX = 100;
/** Alerts whose events are in memory at once. */
const OPENED_AT_ONCE = 20;

/** What would have become of an alert. */
type Fate = "hidden" | "thinned" | "kept";

type Stores = Pick<AlertStores, "alerts" | "work" | "labelsOf">;

/** Holds a suppression against the alerts since a time that a caller may see. */
export async function preview(
  stores: Stores,
  document: SuppressionDocument,
  hosts: HostSet,
  sinceMs: number,
): Promise<PreviewSuppressionResponse> {
  const response: PreviewSuppressionResponse = {
    alerts: 0n,
    hiddenAlerts: 0n,
    thinnedAlerts: 0n,
    truePositiveIds: [],
    hiddenIds: [],
    more: false,
  };
  const judge = new Judge(stores, document);
  let looked = 0;
  for await (const { page, looked: count, lastId } of pagesOf(stores, { ...ANY, startMs: sinceMs }, hosts)) {
    response.alerts += BigInt(page.length);
    const candidates = page.filter((alert) => mayCover(document, alert));
    for (let at = 0; at < candidates.length; at += OPENED_AT_ONCE) {
      await judge.add(candidates.slice(at, at + OPENED_AT_ONCE), response);
    }
    looked += count;
    if (looked >= PREVIEW_ALERTS_MAX && lastId !== "") return { ...response, more: true };
  }
  return response;
}

/** False where neither rule nor hosts fit, so that the events need not be read. */
function mayCover({ ruleKeys, hostIds }: SuppressionDocument, { rule, hosts }: Alert): boolean {
  if (ruleKeys.length > 0 && !ruleKeys.includes(rule?.key ?? "")) return false;
  return hostIds.length === 0 || hosts.some(({ id }) => hostIds.includes(id));
}

class Judge {
  readonly #stores: Stores;
  readonly #suppressions: Suppressions;
  readonly #labels = new Map<string, Labels>();

  constructor(stores: Stores, document: SuppressionDocument) {
    this.#stores = stores;
    this.#suppressions = new Suppressions([document]);
  }

  async add(alerts: readonly Alert[], response: PreviewSuppressionResponse): Promise<void> {
    const whole = await this.#stores.alerts.getAlerts(alerts.map(({ id }) => id));
    for (const { id } of alerts) {
      const alert = whole.get(id)?.alert;
      const fate = alert === undefined ? "kept" : await this.#fateOf(alert);
      if (alert === undefined || fate === "kept") continue;
      if (fate === "hidden") response.hiddenAlerts++;
      else response.thinnedAlerts++;
      if (fate === "hidden" && response.hiddenIds.length < NAMED_MAX) response.hiddenIds.push(id);
      // A correlation that some events are taken from may not have been found either.
      const isLost = fate === "hidden" || alert.rule?.kind === "correlation";
      if (isLost && response.truePositiveIds.length < NAMED_MAX && (await this.#wasRight(id)))
        response.truePositiveIds.push(id);
    }
  }

  async #wasRight(id: string): Promise<boolean> {
    return (await this.#stores.work.getWork(id)).closeReason === "true-positive";
  }

  async #fateOf(alert: Alert): Promise<Fate> {
    const covered = alert.events.length === 0 ? await this.#coveredHosts(alert) : await this.#coveredEvents(alert);
    const count = covered.filter(Boolean).length;
    if (count === 0) return "kept";
    return count === covered.length ? "hidden" : "thinned";
  }

  async #coveredHosts({ hosts, rule }: Alert): Promise<boolean[]> {
    const covered: boolean[] = [];
    for (const { id } of hosts) {
      const host = { id, labels: await this.#labelsOf(id) };
      covered.push(isHidden(this.#suppressions.hiddenWithoutEvents(rule?.key ?? "", host)));
    }
    return covered;
  }

  async #coveredEvents({ events, rule }: Alert): Promise<boolean[]> {
    const byHost = Map.groupBy(events, ({ id }) => parseEventId(id)?.hostId ?? "");
    const covered: boolean[] = [];
    for (const [id, own] of byHost) {
      const host = { id, labels: await this.#labelsOf(id) };
      for (let at = 0; at < own.length; at += EVENTS_MAX) {
        const block = blockOf(id, own.slice(at, at + EVENTS_MAX));
        for (let event = 0; event < block.count; event++) {
          covered.push(isHidden(this.#suppressions.hiddenBy(rule?.key ?? "", host, block, event)));
        }
      }
    }
    return covered;
  }

  async #labelsOf(hostId: string): Promise<Labels> {
    const known = this.#labels.get(hostId) ?? (await this.#stores.labelsOf(hostId));
    this.#labels.set(hostId, known);
    return known;
  }
}

function isHidden({ exception, silence }: { exception?: string; silence?: string }): boolean {
  return exception !== undefined || silence !== undefined;
}

/** Events as a block, so that filters are decided on them as on any other. Their numbers do not matter. */
function blockOf(hostId: string, events: readonly Event[]): ColumnBlock {
  return new ColumnBlock(encodeColumns(events), { hostId, epoch: 1n, firstSeq: 1n });
}
