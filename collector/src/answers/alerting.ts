/** Alerts that belong to an answer: those that the caller may see, with what people made of them. */
import type { Alert } from "@hosttrail/proto/alert";
import type { HostSet } from "../access/index.ts";
import { isVisible, withWork } from "../work/index.ts";
import type { AlertSource } from "./source.ts";

/** Alerts of one host and time that are looked at. */
const ALERTS_MAX = 1000;
const CHUNK = 200;
/** A window begins before its first event, but not long before. */
const WINDOW_MS = 86_400_000;
const NANOS_OF_MS = 1_000_000n;

/** Of a host and a time, with `isAll` false where there are more than are looked at: then these are the newest. */
export async function alertsOf(
  source: AlertSource,
  { hostId, startNano, endNano }: { hostId: string; startNano: bigint; endNano: bigint },
  hosts: HostSet,
): Promise<{ alerts: Alert[]; isAll: boolean }> {
  const startMs = Math.max(0, Number(startNano / NANOS_OF_MS) - WINDOW_MS);
  const endMs = Math.max(0, Number(endNano / NANOS_OF_MS) + 1);
  const wanted = { startMs, endMs, severityMin: 0, ruleKey: "", ruleset: "", hostId, limit: CHUNK };
  const alerts: Alert[] = [];
  for (let afterId = ""; ; ) {
    const page = await source.listAlerts({ ...wanted, afterId });
    const visible = page.filter((alert) => isVisible(alert, hosts));
    const works = await source.getWorks(visible.map(({ id }) => id));
    for (const [at, alert] of visible.entries()) {
      const work = works[at];
      alerts.push(work === undefined ? alert : withWork(alert, work));
    }
    afterId = page.at(-1)?.id ?? "";
    if (page.length < CHUNK) return { alerts, isAll: true };
    if (alerts.length >= ALERTS_MAX) return { alerts, isAll: false };
  }
}

/** By the ids of their events. */
export function byEvent(alerts: readonly Alert[]): Map<string, Alert[]> {
  const found = new Map<string, Alert[]>();
  for (const alert of alerts)
    for (const id of new Set(alert.eventIds)) found.set(id, [...(found.get(id) ?? []), alert]);
  return found;
}
