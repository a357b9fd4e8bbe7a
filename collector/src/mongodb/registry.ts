/** Identities, tokens and the record of calls: small collections, beside the blocks. */
import { type Collection, type Db, type Document, Long, MongoServerError } from "mongodb";
import type { ApiToken, AuditEntry, EnrollmentToken, HostIdentity } from "../model/index.ts";

type Row = Document & { _id: string };

type Name = "identities" | "instances" | "enrollment_tokens" | "api_tokens" | "api_audit";

const DUPLICATE_KEY = 11_000;
const DURABLE = { w: "majority", j: true } as const;
/** Boots of a host that are remembered, the newest last. */
const BOOTS_MAX = 16;

/** Indexes by collection and name. */
const INDEXES: readonly { collection: string; name: string; key: Record<string, 1 | -1>; unique: boolean }[] = [
  { collection: "identities", name: "labels", key: { labels: 1 }, unique: false },
  { collection: "identities", name: "changed", key: { changed: 1 }, unique: false },
];

export class Registry {
  readonly #database: Db;

  constructor(database: Db) {
    this.#database = database;
  }

  /** Makes indexes where they are missing. */
  async prepare(): Promise<void> {
    for (const { collection, name, key, unique } of INDEXES) {
      await this.#database.collection(collection).createIndex(key, { name, unique });
    }
  }

  #rows(name: Name): Collection<Row> {
    return this.#database.collection<Row>(name);
  }

  async #insert(name: Name, row: Row): Promise<void> {
    await this.#rows(name).insertOne(row, { writeConcern: DURABLE });
  }

  /** False where a document with this id is there already. */
  async #tryInsert(name: Name, row: Row): Promise<boolean> {
    try {
      await this.#insert(name, row);
      return true;
    } catch (error) {
      if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false;
      throw error;
    }
  }

  // ---- Enrolment tokens ----

  async insertEnrollmentToken(token: EnrollmentToken): Promise<void> {
    const { id, labels, ...rest } = token;
    await this.#insert("enrollment_tokens", { _id: id, ...rest, labels: pairs(labels) });
  }

  async getEnrollmentToken(id: string): Promise<EnrollmentToken | undefined> {
    const row = await this.#rows("enrollment_tokens").findOne({ _id: id });
    return row === null ? undefined : toEnrollmentToken(row);
  }

  async listEnrollmentTokens(afterId: string, limit: number): Promise<EnrollmentToken[]> {
    return (await this.#page("enrollment_tokens", afterId, limit)).map(toEnrollmentToken);
  }

  /** Takes one use of a token; false where none is left, or it is gone or over. */
  async useEnrollmentToken(token: EnrollmentToken, nowMs: number): Promise<boolean> {
    const result = await this.#rows("enrollment_tokens").updateOne(
      { _id: token.id, hostsEnrolled: { $lt: token.hostsMax }, expireMs: { $gt: nowMs } },
      { $inc: { hostsEnrolled: 1 } },
      { writeConcern: DURABLE },
    );
    return result.modifiedCount === 1;
  }

  /** Gives a use back that came to nothing. */
  async returnEnrollmentToken(id: string): Promise<void> {
    await this.#rows("enrollment_tokens").updateOne({ _id: id }, { $inc: { hostsEnrolled: -1 } });
  }

  async deleteEnrollmentToken(id: string): Promise<boolean> {
    return (await this.#rows("enrollment_tokens").deleteOne({ _id: id })).deletedCount === 1;
  }

  // ---- API tokens ----

  async insertApiToken(token: ApiToken): Promise<void> {
    const { id, scope, ...rest } = token;
    await this.#insert("api_tokens", { _id: id, ...rest, scope: pairs(scope) });
  }

  async getApiToken(id: string): Promise<ApiToken | undefined> {
    const row = await this.#rows("api_tokens").findOne({ _id: id });
    return row === null ? undefined : toApiToken(row);
  }

  async listApiTokens(afterId: string, limit: number): Promise<ApiToken[]> {
    return (await this.#page("api_tokens", afterId, limit)).map(toApiToken);
  }

  async deleteApiToken(id: string): Promise<boolean> {
    return (await this.#rows("api_tokens").deleteOne({ _id: id })).deletedCount === 1;
  }

  // ---- Identities of hosts ----

  /** False where the host is known already. */
  async insertIdentity(identity: HostIdentity): Promise<boolean> {
    const { hostId, labels, ...rest } = identity;
    const row = { _id: hostId, ...rest, labels: pairs(labels), changed: Long.fromNumber(Date.now()) };
    return await this.#tryInsert("identities", row);
  }

  /** Takes a machine of a cloud for one host; false where a host that is not revoked has it. */
  async claimInstance(instance: string, hostId: string): Promise<boolean> {
    if (await this.#tryInsert("instances", { _id: instance, hostId })) return true;
    const holder = text((await this.#rows("instances").findOne({ _id: instance })) ?? { _id: "" }, "hostId");
    if (holder === hostId) return true;
    const identity = await this.getIdentity(holder);
    if (identity !== undefined && identity.revokeMs === 0) return false;
    // Only from the one that was looked at: another host may have been quicker.
    const result = await this.#rows("instances").updateOne({ _id: instance, hostId: holder }, { $set: { hostId } });
    return result.modifiedCount === 1;
  }

  async getIdentity(hostId: string): Promise<HostIdentity | undefined> {
    const row = await this.#rows("identities").findOne({ _id: hostId });
    return row === null ? undefined : toIdentity(row);
  }

  async listIdentities(afterId: string, limit: number): Promise<HostIdentity[]> {
    return (await this.#page("identities", afterId, limit)).map(toIdentity);
  }

  /** Ids of the hosts that have all of these labels. */
  async hostsWithin(scope: Readonly<Record<string, string>>): Promise<string[]> {
    const rows = await this.#rows("identities")
      .find({ labels: { $all: pairs(scope) } }, { projection: { _id: 1 } })
      .toArray();
    return rows.map(({ _id }) => _id);
  }

  /** Identities that changed at this time or later, by the clock of whoever changed them. */
  async identitiesChangedSince(timeMs: number): Promise<HostIdentity[]> {
    const rows = await this.#rows("identities")
      .find({ changed: { $gte: Long.fromNumber(timeMs) } })
      .toArray();
    return rows.map(toIdentity);
  }

  async #change(hostId: string, filter: Document, fields: Document): Promise<boolean> {
    const result = await this.#rows("identities").updateOne(
      { _id: hostId, ...filter },
      { $set: { ...fields, changed: Long.fromNumber(Date.now()) } },
      { writeConcern: DURABLE },
    );
    return result.matchedCount === 1;
  }

  noteCertificate(hostId: string, expireMs: number): Promise<boolean> {
    return this.#change(hostId, {}, { expireMs });
  }

  /** A host stays revoked; the first reason stays. */
  revokeIdentity(hostId: string, nowMs: number, reason: string): Promise<boolean> {
    return this.#change(hostId, { revokeMs: 0 }, { revokeMs: nowMs, revokeReason: reason });
  }

  noteBoots(hostId: string, boots: readonly string[], clonedBoots: readonly string[]): Promise<boolean> {
    return this.#change(hostId, {}, { boots: boots.slice(-BOOTS_MAX), clonedBoots: clonedBoots.slice(-BOOTS_MAX) });
  }

  // ---- The record of calls ----

  async appendAudit(entry: AuditEntry): Promise<void> {
    const { id, ...rest } = entry;
    await this.#insert("api_audit", { _id: id, ...rest, request: storable(rest.request) });
  }

  /** Newest first, before one of them; their ids sort by time. */
  async listAudit(beforeId: string, limit: number): Promise<AuditEntry[]> {
    const rows = await this.#rows("api_audit")
      .find(beforeId === "" ? {} : { _id: { $lt: beforeId } })
      .sort({ _id: -1 })
      .limit(limit)
      .toArray();
    return rows.map((row) => ({
      id: row._id,
      timeMs: number(row, "timeMs"),
      caller: text(row, "caller"),
      peerAddress: text(row, "peerAddress"),
      method: text(row, "method"),
      request: text(row, "request"),
      results: number(row, "results"),
      status: text(row, "status"),
    }));
  }

  async #page(name: Name, afterId: string, limit: number): Promise<Row[]> {
    return await this.#rows(name)
      .find({ _id: { $gt: afterId } })
      .sort({ _id: 1 })
      .limit(limit)
      .toArray();
  }
}

/** FerretDB takes no NUL in strings. */
function storable(value: string): string {
  return value.replaceAll("\0", "\u2400");
}

/** Labels as texts: an index finds them, and a key with a dot is no path. */
function pairs(labels: Readonly<Record<string, string>>): string[] {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`);
}

function fromPairs(value: unknown): Record<string, string> {
  return Object.fromEntries(
    texts(value).map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

function text(row: Row, key: string): string {
  return typeof row[key] === "string" ? row[key] : "";
}

function number(row: Row, key: string): number {
  const value: unknown = row[key];
  return Long.isLong(value) ? value.toNumber() : typeof value === "number" ? value : 0;
}

function toEnrollmentToken(row: Row): EnrollmentToken {
  return {
    id: row._id,
    hash: text(row, "hash"),
    hostsMax: number(row, "hostsMax"),
    hostsEnrolled: number(row, "hostsEnrolled"),
    labels: fromPairs(row["labels"]),
    creator: text(row, "creator"),
    createMs: number(row, "createMs"),
    expireMs: number(row, "expireMs"),
  };
}

function toApiToken(row: Row): ApiToken {
  const role = text(row, "role");
  return {
    id: row._id,
    hash: text(row, "hash"),
    displayName: text(row, "displayName"),
    // What is not known may do the least.
    role: role === "admin" || role === "responder" ? role : "viewer",
    scope: fromPairs(row["scope"]),
    creator: text(row, "creator"),
    createMs: number(row, "createMs"),
    expireMs: number(row, "expireMs"),
  };
}

function toIdentity(row: Row): HostIdentity {
  return {
    hostId: row._id,
    hostName: text(row, "hostName"),
    labels: fromPairs(row["labels"]),
    proof: text(row, "proof"),
    keyFingerprint: text(row, "keyFingerprint"),
    enrollMs: number(row, "enrollMs"),
    expireMs: number(row, "expireMs"),
    revokeMs: number(row, "revokeMs"),
    revokeReason: text(row, "revokeReason"),
    boots: texts(row["boots"]),
    clonedBoots: texts(row["clonedBoots"]),
  };
}
