/** The database as each step sees it: the steps do not know each other, and none knows the driver. */
import type { SelectArchive } from "./ask/index.ts";
import type { CompactArchive } from "./compact/index.ts";
import type { History, HistorySource } from "./history/index.ts";
import type { Archive } from "./mongodb/index.ts";
import type { FindingSource } from "./raise/index.ts";
import type { RuleStore } from "./rulebook/index.ts";
import type { BlockArchive } from "./store/index.ts";

/** What reading needs of the database. */
export function historySource({ arrivals, history }: Archive): HistorySource {
  return {
    days: () => history.days(),
    arrivals: (query, bounds) => arrivals.find(query, bounds),
    arrivalHashes: (ids) => arrivals.hashesOf(ids),
    catalogs: (place, hostIds) => history.newestCatalogs(place, hostIds),
    payload: (place, id) => history.payload(place, id),
    sieve: (place, id) => history.sieve(place, id),
  };
}

/** What selecting hosts needs of it. */
export function selectArchive({ hosts, identities }: Archive): SelectArchive {
  return {
    listNames: (afterId, limit) => hosts.listNames(afterId, limit),
    hostsWithin: (labels) => identities.hostsWithin(labels),
    hostsWithLabel: (key) => identities.hostsWithLabel(key),
  };
}

/** What storing needs of it. */
export function blockArchive({ arrivals }: Archive, history: History): BlockArchive {
  return { insertBlocks: (blocks) => arrivals.insert(blocks), hashesOf: (blocks) => history.hashesOf(blocks) };
}

/** What compacting needs of it. */
export function compactArchive(archive: Archive): CompactArchive {
  const { arrivals, history } = archive;
  return {
    days: () => history.days(),
    findsRanges: () => archive.findsRanges(),
    waiting: (prefix, bounds) => arrivals.waiting(prefix, bounds),
    insertBlocks: (blocks) => arrivals.insert(blocks),
    removeArrivals: (ids) => arrivals.remove(ids),
    takeTurn: (name, timeMs) => history.takeTurn(name, timeMs),
    forgetTurns: (beforeMs) => history.forgetTurns(beforeMs),
    catalogs: (place, hostIds) => history.catalogs(place, hostIds),
    payload: (place, id) => history.payload(place, id),
    addLeftover: (leftover) => history.addLeftover(leftover),
    leftovers: () => history.leftovers(),
    removeLeftover: (id) => history.removeLeftover(id),
    addPayloads: (place, payloads) => history.addPayloads(place, payloads),
    removePayload: (place, id) => history.removePayload(place, id),
    replaceCatalog: (catalog) => history.replaceCatalog(catalog),
    removeCatalog: (place, hostId, version) => history.removeCatalog(place, hostId, version),
  };
}

/** The rules as the database has them. */
export function ruleStore({ rulesets, suppressions }: Archive): RuleStore {
  return {
    revision: () => rulesets.revision(),
    readRulesets: () => rulesets.readRulesets(),
    readSettings: () => rulesets.readSettings(),
    activeSuppressions: (nowMs) => suppressions.activeSuppressions(nowMs),
  };
}

/** What findings are decided from, as the database has it. */
export function findingSource({ hosts, presence, identities, disk, detector }: Archive): FindingSource {
  return {
    listStates: (afterId, limit) => hosts.listStates(afterId, limit),
    listPresences: () => presence.listPresences(),
    isRevoked: async (hostId) => ((await identities.getIdentity(hostId))?.revokeMs ?? 0) > 0,
    readDisk: () => disk.readDisk(),
    addSample: (sample) => disk.addSample(sample),
    samplesSince: (timeMs) => disk.samplesSince(timeMs),
    listGaps: () => detector.listGaps(),
  };
}
