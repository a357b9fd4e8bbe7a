/**
 * Makes a host's catalog list other payloads than before, so that whoever is ended at any moment leaves nothing wrong behind:
 *
 * 1. what is written and what it takes the place of is noted as leftovers, so that a sweep finds it, however this ends;
 * 2. payloads and sieves are written, and read back;
 * 3. the next version of the catalog is inserted, which only one writer can;
 * 4. the blocks that it covers are removed from the arrivals.
 */
import { randomBytes } from "node:crypto";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { Catalog, CatalogEntry, Place } from "../model/index.ts";
import type { Made } from "./job.ts";

/** Payloads that no catalog may list. */
interface Leftover {
  id: string;
  payloadIds: string[];
  place: Place;
  hostId: string;
  timeMs: number;
}

/** What the step needs of history. Each throws a RetryableError where the database is away. */
export interface CatalogSink {
  catalogs(place: Place, hostIds: readonly string[] | undefined): Promise<Catalog[]>;
  payload(place: Place, id: string): Promise<Uint8Array | undefined>;
  addLeftover(leftover: Leftover): Promise<void>;
  leftovers(): Promise<Leftover[]>;
  removeLeftover(id: string): Promise<void>;
  addPayloads(place: Place, payloads: readonly { id: string; bytes: Uint8Array; sieve: Uint8Array }[]): Promise<void>;
  removePayload(place: Place, id: string): Promise<void>;
  replaceCatalog(catalog: Omit<Catalog, "older">): Promise<boolean>;
  removeCatalog(place: Place, hostId: string, version: number): Promise<void>;
}

/**
 * A commit that takes longer is given up, and a leftover that was seen for as long as the other belongs to nobody. The second is measured by whoever
 * sweeps, since clocks differ and jump: a payload that is swept too soon is lost.
 */
const COMMIT_MAX_MS = 120_000;
const LEFTOVER_MS = 600_000;

export interface Change {
  made: readonly Made[];
  replaced: readonly CatalogEntry[];
}

/** True where the change is made; false where another writer was first, or it took too long. */
export async function commit(sink: CatalogSink, catalog: Catalog, { made, replaced }: Change): Promise<boolean> {
  const { hostId, place, version } = catalog;
  const timeMs = Date.now();
  const beganMs = performance.now();
  const named = made.map((each) => ({ ...each, id: `${hostId}-${randomBytes(12).toString("hex")}` }));
  const gone = new Set(replaced.map(({ id }) => id));
  const payloadIds = [...named.map(({ id }) => id), ...gone];
  await sink.addLeftover({ id: randomBytes(12).toString("hex"), payloadIds, place, hostId, timeMs });
  await sink.addPayloads(place, named);
  for (const { id, entry } of named) await check(sink, place, id, entry);
  const entries = [
    ...catalog.entries.filter(({ id }) => !gone.has(id)),
    ...named.map(({ id, entry }): CatalogEntry => ({ ...entry, id })),
  ].sort(byTime);
  // One of the two stands still while the machine is suspended, and the other one may be set back.
  if (Date.now() - timeMs > COMMIT_MAX_MS || performance.now() - beganMs > COMMIT_MAX_MS) return false;
  return await sink.replaceCatalog({ hostId, place, version: version + 1, entries });
}

/** What the database has is what we gave it. Of the sieve every reader makes sure. */
async function check(
  sink: CatalogSink,
  place: Place,
  id: string,
  { sha256 }: Pick<CatalogEntry, "sha256">,
): Promise<void> {
  const bytes = await sink.payload(place, id);
  const found = bytes && nodePrimitives.sha256(bytes);
  if (found === undefined || !sha256.every((byte, at) => byte === found[at])) {
    throw new Error(`${place} ${id}: the database has another payload than it was given`);
  }
}

function byTime(a: CatalogEntry, b: CatalogEntry): number {
  if (a.firstTimeNano !== b.firstTimeNano) return a.firstTimeNano < b.firstTimeNano ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}

/**
 * Removes payloads that no catalog lists any more, long after a reader or a writer could want them. `seen` is when whoever sweeps saw each
 * leftover first, by the id, and `nowMs` the time now, both on its own monotonic clock. Gives how many.
 */
export async function sweep(sink: CatalogSink, seen: Map<string, number>, nowMs: number): Promise<number> {
  const leftovers = await sink.leftovers();
  const ids = new Set(leftovers.map(({ id }) => id));
  for (const id of seen.keys()) if (!ids.has(id)) seen.delete(id);
  for (const id of ids) if (!seen.has(id)) seen.set(id, nowMs);
  const old = leftovers.filter(({ id }) => nowMs - (seen.get(id) ?? nowMs) >= LEFTOVER_MS);
  let removed = 0;
  for (const list of Map.groupBy(old, ({ place, hostId }) => `${place} ${hostId}`).values()) {
    const [first] = list;
    if (first === undefined) continue;
    const catalogs = await sink.catalogs(first.place, [first.hostId]);
    const listed = new Set(catalogs.flatMap(({ entries }) => entries.map(({ id }) => id)));
    for (const { id, payloadIds, place } of list) {
      for (const payloadId of payloadIds) {
        if (listed.has(payloadId)) continue;
        await sink.removePayload(place, payloadId);
        removed++;
      }
      await sink.removeLeftover(id);
    }
  }
  return removed;
}
