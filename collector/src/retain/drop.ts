/**
 * Drops what is due of one place, so that whoever is ended at any moment leaves nothing wrong behind. Nobody compacts the place meanwhile:
 * it has had a fence for longer than any commit takes, so its catalogs stay as they are.
 *
 * 1. what goes is noted: a drop for each host and epoch, and the batch that has them all ("noted");
 * 2. where that is wanted, it waits until the transparency log has them;
 * 3. the batch becomes "removing", and from now on questions are told that its hosts' events are gone;
 * 4. holds and policies are read once more: whoever makes a hold looks for such batches after the hold is written, and this looks for holds
 *    after the batch is written, so one of the two sees the other; what is kept after all is withdrawn;
 * 5. where that is wanted, what goes is put aside, durably;
 * 6. catalogs go: all at once with all that there is, or those of some hosts, or parts of them, whose payloads are left over for the sweep;
 * 7. drops and batch are "done"; marks and then the fence go.
 */
import { randomBytes } from "node:crypto";
import type { Logger } from "@hosttrail/lib/log";
import { metrics } from "../metrics/index.ts";
import {
  type Catalog,
  type CatalogEntry,
  type DropBatch,
  type DropFence,
  OUTSIDE,
  type OutsideSeen,
} from "../model/index.ts";
import type { FileAside } from "./aside.ts";
import { dueOf, judge } from "./judge.ts";
import { dropsOf, sizeOf } from "./note.ts";
import { type DropArchive, readRules } from "./ports.ts";

export interface DropParts {
  archive: DropArchive;
  /** False as soon as another process may drop: asked before anything is taken away. */
  mayGoOn: () => boolean;
  graceMs: number;
  /** Whether drops must be in the transparency log before anything goes. */
  waitsForLog: boolean;
  now: () => number;
  logger: Logger;
  /** Where what goes is put before; undefined where it is not wanted. */
  aside?: Pick<FileAside, "put"> | undefined;
}

type BatchHost = DropBatch["hosts"][number];

/** True when the work on this place has ended, whatever came of it; false where it must wait. */
export async function dropDue(parts: DropParts, fence: DropFence): Promise<boolean> {
  const { archive, waitsForLog, logger } = parts;
  const { place, timeMs } = fence;
  const batch = (await archive.getBatch(place, timeMs)) ?? (await noteDue(parts, fence));
  if (batch === undefined) {
    await archive.removeFence(place);
    return true;
  }
  if (batch.state === "noted" && waitsForLog) {
    const unlogged = await archive.unloggedOf(idsOf(batch.hosts));
    if (unlogged.length > 0) {
      logger.info({ place, drops: unlogged.length }, "what is to be dropped waits for the transparency log");
      return false;
    }
  }
  if (batch.state !== "done") {
    const going = await confirmed(parts, batch);
    if (going.length > 0 && !(await remove(parts, fence, going))) return false;
    await archive.settleDrops(idsOf(going), "done");
    if (going.length === 0) await archive.removeBatch(place, timeMs);
    else await archive.putBatch({ ...batch, hosts: going, state: "done" });
  }
  await archive.removeMarks(batch.hosts.map(({ hostId }) => ({ hostId, place })));
  await archive.removeFence(place);
  return true;
}

function idsOf(hosts: readonly BatchHost[]): string[] {
  return hosts.flatMap(({ dropIds }) => dropIds);
}

/** Notes what is due and was marked for long enough; undefined where nothing is. */
async function noteDue(
  { archive, graceMs, now }: DropParts,
  { place, timeMs }: DropFence,
): Promise<DropBatch | undefined> {
  const rules = await readRules(archive);
  const marked = new Map(
    (await archive.listMarks()).filter((mark) => mark.place === place).map((mark) => [mark.hostId, mark.timeMs]),
  );
  const waiting = await archive.waitingDays();
  const seen = await seenIn(archive, place);
  const nowMs = now();
  const hosts: BatchHost[] = [];
  for (const catalog of await archive.catalogs(place, undefined)) {
    const { hostId, entries } = catalog;
    const markedMs = marked.get(hostId);
    const due = dueOf(rules, catalog, seen.get(hostId) ?? [], nowMs);
    if (due.length === 0 || markedMs === undefined || nowMs - markedMs < graceMs) continue;
    if (waiting.has(`${hostId} ${place}`)) continue;
    const { policy } = judge(rules, hostId, place, nowMs);
    const drops = dropsOf({ ...catalog, entries: [...due] }, policy, timeMs);
    await archive.noteDrops(drops);
    const payloadIds = due.length < entries.length ? { payloadIds: due.map(({ id }) => id) } : {};
    hosts.push({ hostId, events: sizeOf(due).events, dropIds: drops.map(({ id }) => id), ...payloadIds });
  }
  if (hosts.length === 0) return undefined;
  const batch: DropBatch = { place, timeMs, state: "noted", hosts };
  await archive.putBatch(batch);
  return batch;
}

/** The batch's hosts that go, or are gone; the others are withdrawn. */
async function confirmed({ archive, now, logger }: DropParts, batch: DropBatch): Promise<BatchHost[]> {
  const { place } = batch;
  if (batch.state === "noted") await archive.putBatch({ ...batch, state: "removing" });
  const rules = await readRules(archive);
  const waiting = await archive.waitingDays();
  const present = new Map((await archive.catalogs(place, undefined)).map((catalog) => [catalog.hostId, catalog]));
  const seen = await seenIn(archive, place);
  const stays = (host: BatchHost): boolean => {
    const catalog = present.get(host.hostId);
    const goes = catalog === undefined ? [] : partOf(catalog, host);
    // It went before whoever did this was ended.
    if (catalog === undefined || goes.length === 0) return false;
    const isOther = sizeOf(goes).events !== host.events;
    if (isOther) logger.error({ host: host.hostId, place }, "what is to be dropped is not what was noted; it stays");
    const due = new Set(dueOf(rules, catalog, seen.get(host.hostId) ?? [], now()));
    return isOther || !goes.every((entry) => due.has(entry)) || waiting.has(`${host.hostId} ${place}`);
  };
  const kept = batch.hosts.filter(stays);
  if (kept.length === 0) return [...batch.hosts];
  logger.info({ place, hosts: kept.length }, "what was to be dropped is kept after all");
  await archive.settleDrops(idsOf(kept), "withdrawn");
  const going = batch.hosts.filter((host) => !kept.includes(host));
  if (going.length > 0) await archive.putBatch({ ...batch, state: "removing", hosts: going });
  return going;
}

/** False where another process may be at it. */
async function remove(parts: DropParts, fence: DropFence, going: readonly BatchHost[]): Promise<boolean> {
  const { archive, logger } = parts;
  const { place } = fence;
  const isOurs = async (): Promise<boolean> =>
    parts.mayGoOn() && (await archive.getFence(place))?.timeMs === fence.timeMs;
  const byHost = new Map(going.map((host) => [host.hostId, host]));
  const goesOf = (catalog: Catalog): CatalogEntry[] => {
    const host = byHost.get(catalog.hostId);
    return host === undefined ? [] : partOf(catalog, host);
  };
  const catalogs = await archive.catalogs(place, undefined);
  const events = going.reduce((sum, host) => sum + host.events, 0);
  if (parts.aside !== undefined)
    for (const catalog of catalogs) {
      const goes = goesOf(catalog);
      if (goes.length > 0) await parts.aside.put(catalog, goes, fence.timeMs);
    }
  if (!(await isOurs())) return false;
  if (catalogs.every((catalog) => goesOf(catalog).length === catalog.entries.length)) await archive.dropPlace(place);
  else
    for (const catalog of catalogs) {
      const goes = goesOf(catalog);
      if (goes.length === 0) continue;
      if (!(await isOurs())) return false;
      if (!(await removePart(archive, catalog, goes, parts.now()))) return false;
    }
  metrics.droppedEvents.inc(events);
  logger.info({ place, hosts: going.length, events }, "what no policy keeps any more is dropped");
  return true;
}

/** The entries of a catalog that a batch is about. */
function partOf({ entries }: Catalog, { payloadIds }: BatchHost): CatalogEntry[] {
  if (payloadIds === undefined) return entries;
  const ids = new Set(payloadIds);
  return entries.filter(({ id }) => ids.has(id));
}

async function seenIn(archive: DropArchive, place: string): Promise<ReadonlyMap<string, readonly OutsideSeen[]>> {
  return place === OUTSIDE ? await archive.outsideSeen() : new Map();
}

/**
 * Payloads stay for a while, for readers who found them in the catalog a moment ago; then the sweep takes them. False where another one
 * changed the catalog.
 */
async function removePart(
  archive: Pick<DropArchive, "addLeftover" | "removeCatalog" | "replaceCatalog">,
  { hostId, place, version, older, entries }: Catalog,
  goes: readonly CatalogEntry[],
  timeMs: number,
): Promise<boolean> {
  const payloadIds = goes.map(({ id }) => id);
  await archive.addLeftover({ id: randomBytes(12).toString("hex"), payloadIds, place, hostId, timeMs });
  for (const each of older) await archive.removeCatalog(place, hostId, each);
  if (goes.length < entries.length) {
    const left = entries.filter((entry) => !goes.includes(entry));
    return await archive.replaceCatalog({ hostId, place, version: version + 1, entries: left });
  }
  await archive.removeCatalog(place, hostId, version);
  return true;
}
