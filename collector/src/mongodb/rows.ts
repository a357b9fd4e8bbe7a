/**
 * What the small collections share. A change that must happen once, or not beyond a number, is an insert under an id that says so: every
 * server with this wire protocol does it as one. A change of what is there names the version that it was made of. MongoDB compares that and
 * writes as one step, and so does the embedded FerretDB as we build it (decision 20); another FerretDB 1.x reads, changes and writes, and loses
 * one of two updates at once, whatever their filters say.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Collection, type Db, type Document, Long, MongoServerError } from "mongodb";
import { RetryableError } from "../model/index.ts";
import { DUPLICATE_KEY } from "./failure.ts";
import { inParallel } from "./parallel.ts";

/** Times that a change is tried; whoever was late waits, a while longer each time, and by chance. */
const CHANGES_MAX = 32;
const CHANGE_WAIT_MIN_MS = 4;
const CHANGE_WAIT_MAX_MS = 256;
const CHANGE_LATER_MS = 500;

export type Row = Document & { _id: string };

export const DURABLE = { w: "majority", j: true } as const;

/** Writes that one request has: FerretDB 1.24 never answers one that replaces more than 100 documents. */
export const WRITES_TOGETHER_MAX = 64;

/** Ids that are asked for one by one. */
const ONE_BY_ONE_MAX = 256;

/** Documents of these ids, in any order: where they are few, each by its own question, which the embedded database answers without reading all. */
export async function findAll(collection: Collection<Row>, ids: readonly string[]): Promise<Row[]> {
  const wanted = [...new Set(ids)];
  if (wanted.length > ONE_BY_ONE_MAX) return await collection.find({ _id: { $in: wanted } }).toArray();
  const rows = await inParallel(wanted, (id) => collection.findOne({ _id: id }));
  return rows.filter((row) => row !== null);
}

/** One small collection. */
export class Rows {
  readonly all: Collection<Row>;

  constructor(database: Db, name: string) {
    this.all = database.collection<Row>(name);
  }

  async insert(row: Row): Promise<void> {
    await this.all.insertOne(row, { writeConcern: DURABLE });
  }

  /** False where a document with this id is there already. */
  async tryInsert(row: Row): Promise<boolean> {
    try {
      await this.insert(row);
      return true;
    } catch (error) {
      if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false;
      throw error;
    }
  }

  async get(id: string): Promise<Row | undefined> {
    return (await this.all.findOne({ _id: id })) ?? undefined;
  }

  /** In the order of ids, after one of them. */
  async page(afterId: string, limit: number): Promise<Row[]> {
    return await this.all
      .find({ _id: { $gt: afterId } })
      .sort({ _id: 1 })
      .limit(limit)
      .toArray();
  }

  async getAll(ids: readonly string[]): Promise<Map<string, Row>> {
    return new Map((await findAll(this.all, ids)).map((row) => [row._id, row]));
  }

  /** Puts a document in the place of what was there, if anything was. */
  async put(row: Row): Promise<void> {
    try {
      await this.all.replaceOne({ _id: row._id }, row, { upsert: true, writeConcern: DURABLE });
    } catch (error) {
      // Two at once made it where it was not there: as if that one had come later.
      if (!(error instanceof MongoServerError && error.code === DUPLICATE_KEY)) throw error;
    }
  }

  /**
   * Puts what `change` makes of a document in its place, where nobody else has changed it meanwhile; else `change` is asked again. Throws a
   * RetryableError where others are first again and again.
   */
  async change(id: string, change: (row: Row | undefined) => Document): Promise<void> {
    for (let attempt = 1; attempt <= CHANGES_MAX; attempt++) {
      if (attempt > 1) await sleep(Math.random() * Math.min(CHANGE_WAIT_MIN_MS * 2 ** attempt, CHANGE_WAIT_MAX_MS));
      const before = await this.get(id);
      const version = number(before, "version");
      const next: Row = { ...change(before), _id: id, version: version + 1 };
      if (before === undefined) {
        if (await this.tryInsert(next)) return;
        continue;
      }
      // One that was written before there were versions has none.
      const filter = { _id: id, version: before["version"] === undefined ? { $exists: false } : version };
      const { matchedCount } = await this.all.replaceOne(filter, next, { writeConcern: DURABLE });
      if (matchedCount === 1) return;
    }
    throw new RetryableError(`${this.all.collectionName} ${id} is changed by others all the time`, CHANGE_LATER_MS);
  }

  async delete(id: string): Promise<boolean> {
    return (await this.all.deleteOne({ _id: id }, { writeConcern: DURABLE })).deletedCount === 1;
  }
}

/** Removes documents one by one: a server that finds nothing but one id quickly reads all of them for any other question. */
export async function removeAll(rows: Rows, ids: readonly string[]): Promise<void> {
  for (let at = 0; at < ids.length; at += WRITES_TOGETHER_MAX) {
    const deletes = ids.slice(at, at + WRITES_TOGETHER_MAX).map((_id) => ({ deleteOne: { filter: { _id } } }));
    await rows.all.bulkWrite(deletes, { ordered: false, writeConcern: DURABLE });
  }
}

/** Puts documents in the place of those that are there, if any are. */
export async function putAll(rows: Rows, documents: readonly Row[]): Promise<void> {
  for (let at = 0; at < documents.length; at += WRITES_TOGETHER_MAX)
    await rows.all.bulkWrite(
      documents.slice(at, at + WRITES_TOGETHER_MAX).map((replacement) => ({
        replaceOne: { filter: { _id: replacement._id }, replacement, upsert: true },
      })),
      { ordered: false, writeConcern: DURABLE },
    );
}

/** FerretDB takes no NUL in strings; both sides of a comparison go through here. */
export function storable(value: string): string {
  return value.replaceAll("\0", "\u2400");
}

/** Labels as texts: an index finds them, and a key with a dot is no path. */
export function pairs(labels: Readonly<Record<string, string>>): string[] {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`);
}

export function fromPairs(value: unknown): Record<string, string> {
  return Object.fromEntries(
    texts(value).map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

/** Documents within a document. */
export function documents(value: unknown): Document[] {
  return Array.isArray(value) ? (value as Document[]) : [];
}

export function text(row: Document | undefined, key: string): string {
  const value: unknown = row?.[key];
  return typeof value === "string" ? value : "";
}

/** The driver gives a 64-bit integer as a number where it is small enough. */
export function number(row: Document | undefined, key: string): number {
  const value: unknown = row?.[key];
  if (Long.isLong(value)) return value.toNumber();
  return typeof value === "number" ? value : 0;
}

/** The driver gives a 64-bit integer as a number where it is small enough. */
export function bigintOf(value: unknown): bigint {
  if (Long.isLong(value)) return value.toBigInt();
  return typeof value === "number" || typeof value === "bigint" ? BigInt(value) : 0n;
}
