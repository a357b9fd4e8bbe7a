/** Alerts that a caller may see, newest first, by what the detector knows of them and by what people did with them. */
import type { Alert } from "@hosttrail/proto/alert";
import type { HostSet } from "../access/index.ts";
import type { AlertWork } from "../model/index.ts";
import { isVisible } from "../work/index.ts";
import type { AlertQuery, AlertStores } from "./stores.ts";

export type Wanted = Omit<AlertQuery, "limit" | "afterId">;

export interface FoundAlert {
  alert: Alert;
  work: AlertWork;
}

/** Alerts read at once. */
const CHUNK = 200;
/** The end of time, where no end is asked for. */
export const END_MS = 253_402_300_800_000;

export const ANY: Wanted = { startMs: 0, endMs: END_MS, severityMin: 0, ruleKey: "", ruleset: "", hostId: "" };

/** Pages of the database, each with those of its alerts that are visible; `lastId` is where it ends, and empty at the end of all. */
export async function* pagesOf(
  { alerts }: Pick<AlertStores, "alerts">,
  wanted: Wanted,
  hosts: HostSet,
  afterId: string = "",
): AsyncGenerator<{ page: Alert[]; lastId: string; looked: number }> {
  let after = afterId;
  for (;;) {
    const page = await alerts.listAlerts({ ...wanted, afterId: after, limit: CHUNK });
    after = page.at(-1)?.id ?? "";
    const isLast = page.length < CHUNK;
    const visible = page.filter((alert) => isVisible(alert, hosts));
    yield { page: visible, lastId: isLast ? "" : after, looked: page.length };
    if (isLast) return;
  }
}

/** Alerts that one call looks at before it answers with what it has, and where to go on. */
const LOOKED_MAX = 5000;

/** At most `limit` alerts that `fits`, and after which one to go on; empty where that was all. */
export async function findAlerts(
  stores: Pick<AlertStores, "alerts" | "work">,
  wanted: Wanted,
  { hosts, afterId, limit }: { hosts: HostSet; afterId: string; limit: number },
  fits: (work: AlertWork) => boolean,
): Promise<{ found: FoundAlert[]; nextId: string }> {
  const found: FoundAlert[] = [];
  let looked = 0;
  for await (const { page, lastId, looked: count } of pagesOf(stores, wanted, hosts, afterId)) {
    const works = await stores.work.getWorks(page.map(({ id }) => id));
    for (const [index, alert] of page.entries()) {
      const work = works[index] as AlertWork;
      if (!fits(work)) continue;
      // One more than asked for tells that there is a next page, which begins behind the last one of this.
      if (found.length === limit) return { found, nextId: found.at(-1)?.alert.id ?? "" };
      found.push({ alert, work });
    }
    looked += count;
    if (looked >= LOOKED_MAX && lastId !== "") return { found, nextId: lastId };
  }
  return { found, nextId: "" };
}
