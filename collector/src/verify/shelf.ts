/** What is kept of a few hosts, read together: the embedded database reads all of a place for each question. */
import { type Place, OUTSIDE } from "../model/index.ts";
import type { Stored } from "./blocks.ts";
import type { Finding } from "./finding.ts";
import type { KeptSource } from "./source.ts";

/** A payload that may be read, and what is told of it before. */
export interface Listed extends Stored {
  epoch: bigint;
  firstTimeNano: bigint;
  lastTimeNano: bigint;
  events: number;
  bytes: number;
}

/** What is kept of one host. */
export interface Shelf {
  payloads: Listed[];
  /** What could not be read. */
  findings: Finding[];
}

/** Hosts that are read together. */
export const HOSTS_TOGETHER = 16;
/** Arrivals that are read at once; where there are more, their hosts are read one by one. */
const ARRIVALS = { blocksMax: 50_000, bytesMax: 128 * 1024 * 1024 };

/** Arrivals first, then which days there are, then catalogs: so a block that is moved meanwhile is seen at least once. */
export async function readShelves(source: KeptSource, hostIds: readonly string[]): Promise<Map<string, Shelf>> {
  const shelves = new Map<string, Shelf>(hostIds.map((hostId) => [hostId, { payloads: [], findings: [] }]));
  await readArrivals(source, hostIds, shelves);
  for (const place of [OUTSIDE, ...(await source.days())]) {
    for (const { hostId, entries } of await source.catalogsOf(place, hostIds)) {
      const shelf = shelves.get(hostId);
      if ("problem" in entries) shelf?.findings.push(unreadable(`catalog ${place}`, entries.problem));
      else
        for (const entry of entries) {
          const { id, epoch, firstTimeNano, lastTimeNano, events, bytes } = entry;
          const about = { hostId, place, id, epoch, firstTimeNano, lastTimeNano, events, bytes };
          shelf?.payloads.push({ ...about, from: { entry } });
        }
    }
  }
  return shelves;
}

async function readArrivals(
  source: KeptSource,
  hostIds: readonly string[],
  shelves: ReadonlyMap<string, Shelf>,
): Promise<void> {
  const { arrivals, isAll } = await source.arrivalsOf(hostIds, ARRIVALS);
  const [only] = hostIds;
  if (!isAll && hostIds.length > 1) {
    for (const hostId of hostIds) await readArrivals(source, [hostId], shelves);
    return;
  }
  if (!isAll && only !== undefined)
    shelves.get(only)?.findings.push({
      verdict: "not checked",
      reason: "BUDGET_ENDED",
      subject: "",
      detail: `more than ${ARRIVALS.blocksMax} blocks of it wait to be compacted: ask again later`,
    });
  for (const { id, arrival } of arrivals) {
    const hostId = id.slice(0, id.indexOf("-"));
    const shelf = shelves.get(hostId);
    if ("problem" in arrival) {
      shelf?.findings.push(unreadable(id, arrival.problem));
      continue;
    }
    const { place, epoch, firstTimeNano, lastTimeNano, count: events, bytes } = arrival;
    const about = { hostId, place, id, epoch, firstTimeNano, lastTimeNano, events, bytes: bytes.length };
    shelf?.payloads.push({ ...about, from: { arrival } });
  }
}

function unreadable(subject: string, problem: string): Finding {
  return { verdict: "altered", reason: "DOCUMENT_DIFFERS", subject, detail: `its document cannot be read: ${problem}` };
}

/** True where a catalog lists the payload no longer, since others took its place. */
export async function isMoved(source: KeptSource, place: Place, hostId: string, id: string): Promise<boolean> {
  const catalogs = await source.catalogsOf(place, [hostId]);
  return !catalogs.some(({ entries }) => !("problem" in entries) && entries.some((entry) => entry.id === id));
}
