/**
 * Forwards alerts to one target, each time that they have changed: what the last version was that went out is written down for each of them. A
 * version that another one followed before it was looked at is passed over.
 */
import { createHash } from "node:crypto";
import { Alert } from "@hosttrail/proto/alert";
import { metrics } from "../metrics/index.ts";
import type { ExportPlan } from "../model/index.ts";
import { batchNameOf } from "./name.ts";
import type { ForwardAlerts, ForwardStore, Outlet, Target } from "./ports.ts";

/** Begins the places of what is written down of alerts; the day of their windows follows. */
export const ALERTS_PLACE = "alerts-";
/** Alerts whose windows began so long ago are not looked at again. */
const DAYS_BACK = 32;
const DAY_MS = 86_400_000;
const PAGE = 1000;
/** Alerts of one batch: they have up to a hundred events each. */
const BATCH_MAX = 200;
const ID_TIME_LENGTH = 12;
const VERSION_LENGTH = 16;

export interface AlertParts {
  alerts: ForwardAlerts;
  store: ForwardStore;
  target: Target;
  outlet: Outlet;
}

/** Versions of alerts by their ids. */
type Versions = Map<string, string>;

export class AlertForwarder {
  readonly #parts: AlertParts;
  readonly #known = new Map<string, Versions>();

  /** For who alone forwards to this target now. */
  constructor(parts: AlertParts) {
    this.#parts = parts;
  }

  /** Takes all that is there now for forwarded. */
  async skipAll(signal: AbortSignal): Promise<void> {
    for await (const { place, changed } of this.#changed()) {
      if (signal.aborted) return;
      await this.#note(place, changed);
    }
  }

  /** Brings a batch that was begun to its end. */
  async resume(plan: ExportPlan, signal: AbortSignal): Promise<void> {
    await this.#send(plan, versionsFrom(plan.text), signal);
  }

  /** Forwards those that have changed. Throws what the target or the database says; then the plan says where to go on. */
  async turn(signal: AbortSignal): Promise<void> {
    for await (const { place, changed } of this.#changed()) {
      if (signal.aborted) return;
      const plan = { place, timeMs: Date.now(), text: versionsText(changed) };
      await this.#parts.store.putPlan(this.#parts.outlet.name, plan);
      await this.#send(plan, changed, signal);
    }
    await this.#forget();
  }

  /** Alerts of one day each time that are another version than the last one that went out. */
  async *#changed(): AsyncGenerator<{ place: string; changed: Versions }, void, undefined> {
    const startMs = (Math.floor(Date.now() / DAY_MS) - DAYS_BACK) * DAY_MS;
    for (let afterId = ""; ; ) {
      const page = await this.#parts.alerts.listAlerts(startMs, afterId, PAGE);
      for (const [place, alerts] of Map.groupBy(page, placeOf)) {
        const done = await this.#done(place);
        const news = alerts
          .map((alert) => [alert.id, versionOf(alert)] as const)
          .filter(([id, at]) => done.get(id) !== at);
        for (let at = 0; at < news.length; at += BATCH_MAX)
          yield { place, changed: new Map(news.slice(at, at + BATCH_MAX)) };
      }
      afterId = page.at(-1)?.id ?? "";
      if (page.length < PAGE) return;
    }
  }

  async #send(plan: ExportPlan, versions: Versions, signal: AbortSignal): Promise<void> {
    const { alerts, outlet, store, target } = this.#parts;
    const day = plan.place.slice(ALERTS_PLACE.length);
    const batch = target.openAlerts(batchNameOf(outlet, { ...plan, place: day }), signal);
    // Those that retention has removed meanwhile are missing here.
    const found = await alerts.getAlerts([...versions.keys()]);
    const rows = [...found.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
    try {
      if (rows.length > 0) await batch.write(rows);
      await batch.end();
    } catch (error) {
      await batch.drop();
      throw error;
    }
    await this.#note(plan.place, versions);
    await store.removePlan(outlet.name);
    metrics.exportRows.inc({ target: outlet.name, kind: "alert" }, rows.length);
  }

  async #done(place: string): Promise<Versions> {
    const known = this.#known.get(place);
    if (known !== undefined) return known;
    const parts = await this.#parts.store.getDone(this.#parts.outlet.name, place);
    const versions: Versions = new Map([...parts.values()].flatMap((text) => [...versionsFrom(text)]));
    this.#known.set(place, versions);
    return versions;
  }

  async #note(place: string, versions: Versions): Promise<void> {
    const done = await this.#done(place);
    for (const [part, list] of Map.groupBy(versions, ([id]) => id.slice(-1)))
      await this.#parts.store.changeDone(this.#parts.outlet.name, place, part, (text) =>
        versionsText(new Map([...versionsFrom(text), ...list])),
      );
    for (const [id, version] of versions) done.set(id, version);
  }

  /** What is too old to be looked at again. */
  async #forget(): Promise<void> {
    const first = ALERTS_PLACE + dayOf((Math.floor(Date.now() / DAY_MS) - DAYS_BACK) * DAY_MS);
    const { store, outlet } = this.#parts;
    for (const place of this.#known.keys()) {
      if (place >= first) continue;
      await store.removeDone(outlet.name, place);
      this.#known.delete(place);
    }
  }
}

/** Other texts for other content; events are not looked at, whose number is. */
function versionOf(alert: Alert): string {
  const bytes = Alert.encode({ ...alert, events: [] }).finish();
  return createHash("sha256").update(bytes).digest("hex").slice(0, VERSION_LENGTH);
}

/** By the day in which its window begins, as its id tells. */
function placeOf({ id }: Pick<Alert, "id">): string {
  const ms = Number.parseInt(id.slice(0, ID_TIME_LENGTH), 16);
  return ALERTS_PLACE + dayOf(Number.isNaN(ms) ? 0 : ms);
}

function dayOf(ms: number): string {
  return new Date(Math.min(ms, 8.64e15)).toISOString().slice(0, 10).replaceAll("-", "");
}

function versionsText(versions: Versions): string {
  return [...versions]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, version]) => `${id} ${version}\n`)
    .join("");
}

function versionsFrom(text: string): Versions {
  const lines = text.split("\n").filter((line) => line !== "");
  return new Map(lines.map((line) => line.split(" ") as [string, string]));
}
