/**
 * What is kept for how long, and what is held. A hold and its release are two documents, each inserted once: of two people who release it,
 * the first has. Marks and fences are written by the one process that drops.
 */
import type { Db, Document } from "mongodb";
import { hex64 } from "@hosttrail/lib/block";
import {
  type DropFence,
  type DropMark,
  type LegalHold,
  type OtherDrop,
  type OutsideSeen,
  type Place,
  RETENTION_KINDS,
  type RetentionPolicy,
} from "../model/index.ts";
import { classify } from "./failure.ts";
import { inParallel } from "./parallel.ts";
import { documents, fromPairs, number, pairs, removeAll, type Row, Rows, storable, text, texts } from "./rows.ts";

/** Each throws a RetryableError where the database is away. */
export class RetentionStore {
  readonly #policies: Rows;
  readonly #holds: Rows;
  readonly #releases: Rows;
  readonly #marks: Rows;
  readonly #fences: Rows;
  readonly #settings: Rows;
  readonly #others: Rows;
  readonly #outside: Rows;

  constructor(database: Db) {
    this.#policies = new Rows(database, "retention_policies");
    this.#holds = new Rows(database, "legal_holds");
    this.#releases = new Rows(database, "legal_hold_releases");
    this.#marks = new Rows(database, "drop_marks");
    this.#fences = new Rows(database, "drop_fences");
    this.#settings = new Rows(database, "retention_settled");
    this.#others = new Rows(database, "other_drops");
    this.#outside = new Rows(database, "outside_seen");
  }

  async listPolicies(): Promise<RetentionPolicy[]> {
    return await this.#try(async () => (await this.#policies.all.find({}).toArray()).flatMap(toPolicy));
  }

  async putPolicy({ name, kind, labels, severityMin, keepDays, author, updateMs }: RetentionPolicy): Promise<void> {
    const row = { _id: name, kind, labels: pairs(labels), severity_min: severityMin, keep_days: keepDays };
    await this.#try(() => this.#policies.put({ ...row, author: storable(author), update_ms: updateMs }));
  }

  /** False where there is none. */
  async deletePolicy(name: string): Promise<boolean> {
    return await this.#try(() => this.#policies.delete(name));
  }

  /** The oldest first, those that were released too. */
  async listHolds(): Promise<LegalHold[]> {
    return await this.#try(async () => {
      const [holds, releases] = await Promise.all([
        this.#holds.all.find({}).toArray(),
        this.#releases.all.find({}).toArray(),
      ]);
      const released = new Map(releases.map((row) => [row._id, row]));
      return holds.map((row) => toHold(row, released.get(row._id))).sort((a, b) => (a.id < b.id ? -1 : 1));
    });
  }

  async insertHold({ id, hostIds, labels, firstDay, lastDay, reason, creator, createMs }: LegalHold): Promise<void> {
    const row = { _id: id, hosts: [...hostIds], labels: pairs(labels), first_day: firstDay, last_day: lastDay };
    const about = { reason: storable(reason), creator: storable(creator), create_ms: createMs };
    await this.#try(() => this.#holds.insert({ ...row, ...about }));
  }

  /** False where it was released before. */
  async releaseHold(id: string, releaser: string, reason: string, timeMs: number): Promise<boolean> {
    const row = { _id: id, releaser: storable(releaser), reason: storable(reason), time_ms: timeMs };
    return await this.#try(() => this.#releases.tryInsert(row));
  }

  async listMarks(): Promise<DropMark[]> {
    return await this.#try(async () => (await this.#marks.all.find({}).toArray()).map(toMark));
  }

  /** Marks that are there already stay as they are. */
  async addMarks(marks: readonly DropMark[]): Promise<void> {
    await this.#try(() =>
      inParallel(marks, async ({ hostId, place, policy, keepDays, timeMs }) => {
        const row = { host: hostId, place, policy, keep_days: keepDays, time_ms: timeMs };
        await this.#marks.tryInsert({ _id: markId(place, hostId), ...row });
      }),
    );
  }

  async removeMarks(marks: readonly Pick<DropMark, "hostId" | "place">[]): Promise<void> {
    const ids = marks.map(({ hostId, place }) => markId(place, hostId));
    await this.#try(() => removeAll(this.#marks, ids));
  }

  /** The oldest first. */
  async listFences(): Promise<DropFence[]> {
    const rows = await this.#try(() => this.#fences.all.find({}).toArray());
    return rows.map((row) => ({ place: row._id, timeMs: number(row, "time_ms") })).sort((a, b) => a.timeMs - b.timeMs);
  }

  /** A place that has one keeps it. */
  async addFence({ place, timeMs }: DropFence): Promise<void> {
    await this.#try(() => this.#fences.tryInsert({ _id: place, time_ms: timeMs }));
  }

  async getFence(place: Place): Promise<DropFence | undefined> {
    const row = await this.#try(() => this.#fences.get(place));
    return row && { place, timeMs: number(row, "time_ms") };
  }

  async removeFence(place: Place): Promise<void> {
    await this.#try(() => this.#fences.delete(place));
  }

  /** Since when something is as this text says; from now on, where it said something else before. */
  async settledSince(name: string, says: string, nowMs: number): Promise<number> {
    return await this.#try(async () => {
      const row = await this.#settings.get(name);
      if (text(row, "says") === says) return number(row, "since_ms");
      await this.#settings.put({ _id: name, says, since_ms: nowMs });
      return nowMs;
    });
  }

  /** By host, the oldest first. */
  async outsideSeen(): Promise<Map<string, OutsideSeen[]>> {
    const rows = await this.#try(() => this.#outside.all.find({}).toArray());
    return new Map(rows.map((row) => [row._id, documents(row["seen"]).map(toSeen)]));
  }

  async putOutsideSeen(hostId: string, seen: readonly OutsideSeen[]): Promise<void> {
    const rows = seen.map(({ epoch, next, timeMs }) => ({ epoch: hex64(epoch), next: hex64(next), time_ms: timeMs }));
    await this.#try(() => this.#outside.put({ _id: hostId, seen: rows }));
  }

  async noteOther({ kind, timeMs, count }: OtherDrop): Promise<void> {
    await this.#try(() => this.#others.put({ _id: `${kind}-${timeMs.toString(16)}`, kind, time_ms: timeMs, count }));
  }

  async #try<Value>(ask: () => Promise<Value>): Promise<Value> {
    try {
      return await ask();
    } catch (error) {
      throw classify(error);
    }
  }
}

function markId(place: Place, hostId: string): string {
  return `${place}-${hostId}`;
}

/** A policy of a kind that this version does not know decides nothing here. */
function toPolicy(row: Row): RetentionPolicy[] {
  const kind = RETENTION_KINDS.find((each) => each === row["kind"]);
  if (kind === undefined) return [];
  const about = { author: text(row, "author"), updateMs: number(row, "update_ms") };
  const bounds = { severityMin: number(row, "severity_min"), keepDays: number(row, "keep_days") };
  return [{ name: row._id, kind, labels: fromPairs(row["labels"]), ...bounds, ...about }];
}

function toHold(row: Row, release: Row | undefined): LegalHold {
  return {
    id: row._id,
    hostIds: texts(row["hosts"]),
    labels: fromPairs(row["labels"]),
    firstDay: text(row, "first_day"),
    lastDay: text(row, "last_day"),
    reason: text(row, "reason"),
    creator: text(row, "creator"),
    createMs: number(row, "create_ms"),
    releaseMs: number(release, "time_ms"),
    releaser: text(release, "releaser"),
    releaseReason: text(release, "reason"),
  };
}

function toSeen(row: Document): OutsideSeen {
  const [epoch, next] = [text(row, "epoch"), text(row, "next")].map((hex) => BigInt(`0x${hex || "0"}`));
  return { epoch: epoch ?? 0n, next: next ?? 0n, timeMs: number(row, "time_ms") };
}

function toMark(row: Row): DropMark {
  return {
    hostId: text(row, "host"),
    place: text(row, "place"),
    policy: text(row, "policy"),
    keepDays: number(row, "keep_days"),
    timeMs: number(row, "time_ms"),
  };
}
