/**
 * Identities of hosts. What changes for different reasons is in different documents, so that no change can undo another: who the
 * host is (once), that it was revoked (once), with which boots it came, and until when its certificate is.
 */
import { type Db, Long } from "mongodb";
import type { HostIdentity } from "../model/index.ts";
import { DURABLE, fromPairs, number, pairs, type Row, Rows, storable, text, texts } from "./rows.ts";

/** Boots of a host that are remembered, the newest last. */
const BOOTS_MAX = 16;

export class IdentityStore {
  readonly #identities: Rows;
  readonly #revocations: Rows;
  readonly #boots: Rows;
  readonly #certificates: Rows;
  /** Which host a cloud's machine was let in as: `<machine>#<times>`. */
  readonly #machines: Rows;

  constructor(database: Db) {
    this.#identities = new Rows(database, "identities");
    this.#revocations = new Rows(database, "revocations");
    this.#boots = new Rows(database, "host_boots");
    this.#certificates = new Rows(database, "host_certificates");
    this.#machines = new Rows(database, "cloud_machines");
  }

  /** False where the host is known already. */
  async insertIdentity(identity: HostIdentity): Promise<boolean> {
    const { hostId, hostName, labels, proof, keyFingerprint, enrollMs } = identity;
    const row = { _id: hostId, hostName: storable(hostName), labels: pairs(labels), proof, keyFingerprint, enrollMs };
    return await this.#identities.tryInsert(row);
  }

  async getIdentity(hostId: string): Promise<HostIdentity | undefined> {
    const row = await this.#identities.get(hostId);
    return row && (await this.#complete([row]))[0];
  }

  async listIdentities(afterId: string, limit: number): Promise<HostIdentity[]> {
    return await this.#complete(await this.#identities.page(afterId, limit));
  }

  async #complete(rows: readonly Row[]): Promise<HostIdentity[]> {
    const ids = rows.map(({ _id }) => _id);
    const [revocations, boots, certificates] = await Promise.all([
      this.#revocations.getAll(ids),
      this.#boots.getAll(ids),
      this.#certificates.getAll(ids),
    ]);
    return rows.map((row) => ({
      hostId: row._id,
      hostName: text(row, "hostName"),
      labels: fromPairs(row["labels"]),
      proof: text(row, "proof"),
      keyFingerprint: text(row, "keyFingerprint"),
      enrollMs: number(row, "enrollMs"),
      expireMs: number(certificates.get(row._id), "expireMs"),
      revokeMs: number(revocations.get(row._id), "changed"),
      revokeReason: text(revocations.get(row._id), "reason"),
      boots: texts(boots.get(row._id)?.["boots"]),
      clonedBoots: texts(boots.get(row._id)?.["clonedBoots"]),
    }));
  }

  /** When hosts enrolled, milliseconds; only those that did. */
  async enrollTimes(hostIds: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.#identities.getAll(hostIds);
    return new Map(Array.from(rows, ([id, row]) => [id, number(row, "enrollMs")]));
  }

  /** Labels of all hosts that enrolled, by host. */
  async allLabels(): Promise<Map<string, Readonly<Record<string, string>>>> {
    const rows = await this.#identities.all.find({}, { projection: { labels: 1 } }).toArray();
    return new Map(rows.map((row) => [row._id, fromPairs(row["labels"])]));
  }

  /** Ids of the hosts that have all of these labels. */
  async hostsWithin(scope: Readonly<Record<string, string>>): Promise<string[]> {
    const rows = await this.#identities.all
      .find({ labels: { $all: pairs(scope) } }, { projection: { _id: 1 } })
      .toArray();
    return rows.map(({ _id }) => _id);
  }

  /** Ids of the hosts that have this label, with whatever value. */
  async hostsWithLabel(key: string): Promise<string[]> {
    const rows = await this.#identities.all.find({}, { projection: { labels: 1 } }).toArray();
    return rows.filter((row) => texts(row["labels"]).some((pair) => pair.startsWith(`${key}=`))).map(({ _id }) => _id);
  }

  /** Identities that were revoked, or came with another boot, at this time or later, by the clock of whoever noted it. */
  async identitiesChangedSince(timeMs: number): Promise<HostIdentity[]> {
    const filter = { changed: { $gte: Long.fromNumber(timeMs) } };
    const projection = { projection: { _id: 1 } };
    const [revocations, boots] = await Promise.all([
      this.#revocations.all.find(filter, projection).toArray(),
      this.#boots.all.find(filter, projection).toArray(),
    ]);
    const ids = new Set([...revocations, ...boots].map(({ _id }) => _id));
    const rows = await this.#identities.getAll([...ids]);
    return await this.#complete([...rows.values()]);
  }

  async noteCertificate(hostId: string, expireMs: number): Promise<void> {
    await this.#put(this.#certificates, hostId, { expireMs });
  }

  /** A host stays revoked, with the first reason. */
  async revokeIdentity(hostId: string, nowMs: number, reason: string): Promise<void> {
    await this.#revocations.tryInsert({ _id: hostId, changed: Long.fromNumber(nowMs), reason: storable(reason) });
  }

  /** `change` may be asked again, where another node was first. Throws a RetryableError where that goes on and on. */
  async changeBoots(
    hostId: string,
    change: (known: Pick<HostIdentity, "boots" | "clonedBoots">) => Pick<HostIdentity, "boots" | "clonedBoots">,
  ): Promise<void> {
    await this.#boots.change(hostId, (row) => {
      const known = { boots: texts(row?.["boots"]), clonedBoots: texts(row?.["clonedBoots"]) };
      const { boots, clonedBoots } = change(known);
      return {
        boots: boots.slice(-BOOTS_MAX).map(storable),
        clonedBoots: clonedBoots.slice(-BOOTS_MAX).map(storable),
        changed: Long.fromNumber(Date.now()),
      };
    });
  }

  async #put(rows: Rows, id: string, fields: Record<string, unknown>): Promise<void> {
    await rows.all.updateOne({ _id: id }, { $set: fields }, { upsert: true, writeConcern: DURABLE });
  }

  /** Takes a machine of a cloud for one host; false where a host that is not revoked has it. */
  async claimMachine(machine: string, hostId: string): Promise<boolean> {
    const claims = await this.#machines.all.find({ machine }).sort({ times: 1 }).toArray();
    const holder = text(claims.at(-1), "hostId");
    if (holder === hostId) return true;
    if (holder !== "" && (await this.#revocations.get(holder)) === undefined) return false;
    const times = claims.length;
    return await this.#machines.tryInsert({ _id: `${machine}#${times}`, machine, times, hostId });
  }
}
