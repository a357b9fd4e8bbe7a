/**
 * Drops what is due of one place, so that whoever is ended at any moment leaves nothing wrong behind. Nobody compacts the place meanwhile:
 * it has had a fence for longer than any commit takes, so its catalogs stay as they are.
 *
 * 1. what goes is noted: a drop for each host and epoch, and the batch that has them all ("noted");
 * 2. where that is wanted, it waits until the transparency log has them;
 * 3. the batch becomes "removing", and from now on questions are told that its hosts' events are gone;
 * 4. holds and policies are read once more: whoever makes a hold looks for such batches after the hold is written, and this looks for holds
 *    after the batch is written, so one of the two sees the other; what is kept after all is withdrawn;
 * 5. catalogs go: all at once with all that there is, or those of some hosts, whose payloads are left over for the sweep;
 * 6. drops and batch are "done"; marks and then the fence go.
 */
import { randomBytes } from "node:crypto";
import type { Logger } from "@hosttrail/lib/log";
import { metrics } from "../metrics/index.ts";
import type { Catalog, DropBatch, DropFence } from "../model/index.ts";
import { judge } from "./judge.ts";
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
  const nowMs = now();
  const hosts: BatchHost[] = [];
  for (const catalog of await archive.catalogs(place, undefined)) {
    const { hostId, entries } = catalog;
    const markedMs = marked.get(hostId);
    const { isDue, policy } = judge(rules, hostId, place, nowMs);
    if (!isDue || markedMs === undefined || nowMs - markedMs < graceMs || waiting.has(`${hostId} ${place}`)) continue;
    const drops = dropsOf(catalog, policy, timeMs);
    await archive.noteDrops(drops);
    hosts.push({ hostId, events: sizeOf(entries).events, dropIds: drops.map(({ id }) => id) });
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
  const stays = (host: BatchHost): boolean => {
    const catalog = present.get(host.hostId);
    // It went before whoever did this was ended.
    if (catalog === undefined) return false;
    const isOther = sizeOf(catalog.entries).events !== host.events;
    if (isOther) logger.error({ host: host.hostId, place }, "what is to be dropped is not what was noted; it stays");
    return isOther || !judge(rules, host.hostId, place, now()).isDue || waiting.has(`${host.hostId} ${place}`);
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
  const goes = new Set(going.map(({ hostId }) => hostId));
  const catalogs = await archive.catalogs(place, undefined);
  const events = going.reduce((sum, host) => sum + host.events, 0);
  if (!(await isOurs())) return false;
  if (catalogs.every(({ hostId }) => goes.has(hostId))) await archive.dropPlace(place);
  else
    for (const catalog of catalogs) {
      if (!goes.has(catalog.hostId)) continue;
      if (!(await isOurs())) return false;
      await removeHost(archive, catalog, parts.now());
    }
  metrics.droppedEvents.inc(events);
  logger.info({ place, hosts: going.length, events }, "what no policy keeps any more is dropped");
  return true;
}

/** Payloads stay for a while, for readers who found them in the catalog a moment ago; then the sweep takes them. */
async function removeHost(
  archive: Pick<DropArchive, "addLeftover" | "removeCatalog">,
  { hostId, place, version, older, entries }: Catalog,
  timeMs: number,
): Promise<void> {
  const payloadIds = entries.map(({ id }) => id);
  await archive.addLeftover({ id: randomBytes(12).toString("hex"), payloadIds, place, hostId, timeMs });
  // The newest last: as long as it is there, nothing is lost.
  for (const each of [...older, version]) await archive.removeCatalog(place, hostId, each);
}
