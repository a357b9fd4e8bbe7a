/** The database as each step sees it: the steps do not know each other, and none knows the driver. */
import { chainsOf, type HeadSource } from "./attest/index.ts";
import type { SelectArchive } from "./ask/index.ts";
import type { CompactArchive } from "./compact/index.ts";
import type { History, HistorySource } from "./history/index.ts";
import type { HostArrival } from "./model/index.ts";
import type { Archive } from "./mongodb/index.ts";
import type { FindingSource } from "./raise/index.ts";
import type { RuleStore } from "./rulebook/index.ts";
import type { AsideSource, RetainArchive } from "./retain/index.ts";
import type { BlockArchive } from "./store/index.ts";

/** Ids of alerts begin with the begin of their window, milliseconds as hex. */
const ALERT_TIME_LENGTH = 12;

/** What reading needs of the database. */
export function historySource({ arrivals, history, drops }: Archive): HistorySource {
  return {
    days: () => history.days(),
    arrivals: (query, bounds) => arrivals.find(query, bounds),
    arrivalHashes: (ids) => arrivals.hashesOf(ids),
    catalogs: (place, hostIds) => history.newestCatalogs(place, hostIds),
    payload: (place, id) => history.payload(place, id),
    sieve: (place, id) => history.sieve(place, id),
    droppedDays: (firstDay, lastDay, hostIds) => drops.droppedDays(firstDay, lastDay, hostIds),
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

/** How hosts came here. */
export async function arrivalsOfHosts(
  { profiles, identities, alerts }: Archive,
  hostIds: readonly string[],
): Promise<Map<string, HostArrival>> {
  const [told, enrolled, alerted] = await Promise.all([
    profiles.getProfiles(hostIds),
    identities.enrollTimes(hostIds),
    alerts.firstAlerts(hostIds),
  ]);
  return new Map(
    hostIds.map((id) => [
      id,
      { spec: told.get(id)?.spec ?? "", enrollMs: enrolled.get(id) ?? 0, firstAlertMs: alerted.get(id) ?? 0 },
    ]),
  );
}

/** What storing needs of it. */
export function blockArchive({ arrivals, drops }: Archive, history: History): BlockArchive {
  return {
    insertBlocks: (blocks) => arrivals.insert(blocks),
    hashesOf: (blocks) => history.hashesOf(blocks),
    isDropped: async (hostId, epoch, seq, places) => (await drops.dropOf(hostId, epoch, seq, places)) !== undefined,
  };
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
    fencedPlaces: async () => new Set((await archive.retention.listFences()).map(({ place }) => place)),
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
export function findingSource(
  { coverage, hosts, presence, identities, disk, detector }: Archive,
  lookAtLedgers: FindingSource["lookAtLedgers"],
): FindingSource {
  return {
    listStates: (afterId, limit) => hosts.listStates(afterId, limit),
    listPresences: () => presence.listPresences(),
    isRevoked: async (hostId) => ((await identities.getIdentity(hostId))?.revokeMs ?? 0) > 0,
    readDisk: () => disk.readDisk(),
    addSample: (sample) => disk.addSample(sample),
    samplesSince: (timeMs) => disk.samplesSince(timeMs),
    listGaps: () => detector.listGaps(),
    readCoverage: () => coverage.getPoll(),
    lookAtLedgers,
  };
}

/** What putting days aside needs of it. */
export function asideSource({ certificates, history }: Archive): AsideSource {
  return {
    payload: (place, id) => history.payload(place, id),
    sieve: (place, id) => history.sieve(place, id),
    async certificates(hostId) {
      const chains = await certificates.certificatesOf(hostId);
      return [...new Set(chains.flatMap(({ chain }) => chain.map(pemOf)))].join("");
    },
  };
}

function pemOf(der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString("base64")
    .replaceAll(/(.{64})/g, "$1\n");
  return `-----BEGIN CERTIFICATE-----\n${lines.trimEnd()}\n-----END CERTIFICATE-----\n`;
}

/** What retention needs of it. */
export function retainArchive(archive: Archive): RetainArchive {
  const { alerts, alertWork, apiAudit, arrivals, detector, drops, history, hosts, identities, retention } = archive;
  return {
    listPolicies: () => retention.listPolicies(),
    listHolds: () => retention.listHolds(),
    allLabels: () => identities.allLabels(),
    days: () => history.days(),
    catalogs: (place, hostIds) => history.catalogs(place, hostIds),
    listMarks: () => retention.listMarks(),
    addMarks: (marks) => retention.addMarks(marks),
    removeMarks: (marks) => retention.removeMarks(marks),
    listFences: () => retention.listFences(),
    getFence: (place) => retention.getFence(place),
    addFence: (fence) => retention.addFence(fence),
    removeFence: (place) => retention.removeFence(place),
    getBatch: (place, timeMs) => drops.getBatch(place, timeMs),
    putBatch: (batch) => drops.putBatch(batch),
    removeBatch: (place, timeMs) => drops.removeBatch(place, timeMs),
    noteDrops: (list) => drops.noteDrops(list),
    settleDrops: (ids, state) => drops.settleDrops(ids, state),
    unloggedOf: (ids) => drops.unloggedOf(ids),
    waitingDays: () => arrivals.waitingDays(),
    addLeftover: (leftover) => history.addLeftover(leftover),
    removeCatalog: (place, hostId, version) => history.removeCatalog(place, hostId, version),
    dropPlace: (place) => history.dropPlace(place),
    replaceCatalog: (catalog) => history.replaceCatalog(catalog),
    outsideSeen: () => retention.outsideSeen(),
    putOutsideSeen: (hostId, seen) => retention.putOutsideSeen(hostId, seen),
    newestEventMs: async () => Number((await hosts.newestEventNano()) / 1_000_000n),
    async oldAlerts(beforeMs, afterId, limit) {
      const any = { startMs: 0, severityMin: 0, ruleKey: "", ruleset: "", hostId: "" };
      const found = await alerts.listAlerts({ ...any, endMs: beforeMs, afterId, limit });
      return found.map(({ id, rule, hosts: about }) => ({
        id,
        timeMs: Number.parseInt(id.slice(0, ALERT_TIME_LENGTH), 16),
        severity: rule?.severity ?? 0,
        hostIds: about.map((host) => host.id),
      }));
    },
    // As long as an alert is there, it is found again, and so is the work on it.
    async removeAlerts(ids) {
      await alertWork.removeWork(ids);
      await alerts.removeAlerts(ids);
    },
    removeAudit: (beforeMs, limit) => apiAudit.removeAudit(beforeMs, limit),
    removeGaps: (beforeMs) => detector.removeGaps(beforeMs),
    noteOther: (drop) => retention.noteOther(drop),
    settledSince: (name, says, nowMs) => retention.settledSince(name, says, nowMs),
  };
}

export function logSource({ hosts, drops, retention }: Archive): HeadSource {
  return {
    async listChains(afterId, limit) {
      return (await hosts.listTrails(afterId, limit)).map(({ hostId, trail }) => chainsOf(hostId, trail));
    },
    listUnloggedDrops: (limit) => drops.listUnloggedDrops(limit),
    markLogged: (ids) => drops.markLogged(ids),
    listHolds: () => retention.listHolds(),
  };
}
