/** The blocks and what is known of hosts. */
import {
  type AnyBulkWriteOperation,
  Binary,
  type Collection,
  type Db,
  type Document,
  type Filter,
  Long,
  MongoBulkWriteError,
  MongoClient,
  MongoServerError,
} from "mongodb";
import { hex64 } from "@hosttrail/lib/block";
import type { BlockDocument, HostDocument } from "../model/index.ts";
import { ApiAuditStore } from "./apiaudit.ts";
import { IdentityStore } from "./identities.ts";
import { storable } from "./rows.ts";
import { TokenStore } from "./tokens.ts";

const DUPLICATE_KEY = 11_000;
const COLLECTIONS_CACHE_MS = 2000;
const DAY_NANO = 86_400_000_000_000n;
const COLLECTION = /^blocks_(\d{8})$/;
/** Majority and journal, where the server has them: a block that is told as stored must outlive a failover. */
const DURABLE = { w: "majority", j: true } as const;

export interface MongoOptions {
  url: string;
  database: string;
}

/** Indexes of a day's blocks, by name. */
const INDEXES: Readonly<Record<string, Record<string, 1 | -1>>> = {
  host_t1: { host: 1, t1: -1 },
  terms_t1: { terms: 1, t1: -1 },
  t1: { t1: -1 },
  host_epoch_first_seq: { host: 1, epoch: 1, first_seq: 1 },
};
const NAMESPACE_NOT_FOUND = 26;

interface StoredBlock extends Document {
  _id: string;
  host: string;
  epoch: string;
  first_seq: string;
  count: number;
  t0: Long;
  t1: Long;
  block: Binary;
}

/** The part of a block's document that reading needs. */
export interface FoundBlock {
  id: string;
  lastTimeNano: bigint;
  bytes: Uint8Array;
}

/** Which blocks to look for. Times are nanoseconds; a block is found where its time range meets this one. */
export interface BlockQuery {
  /** UTC day, "YYYYMMDD". */
  day: string;
  /** Only of these hosts; undefined for all. Few enough to be listed in a query. */
  hostIds: readonly string[] | undefined;
  startNano: bigint;
  endNano: bigint;
  /** Terms that must all be there, unless the block has too many of that field. */
  terms: readonly { field: string; term: string }[];
}

/** What became of each block of a batch. */
export interface InsertResult {
  stored: string[];
  failed: { id: string; error: string }[];
}

export class Archive {
  // In the same database, each a few small collections.
  readonly identities: IdentityStore;
  readonly tokens: TokenStore;
  readonly apiAudit: ApiAuditStore;
  readonly #client: MongoClient;
  readonly #database: Db;
  readonly #indexed = new Set<string>();
  #days: { readMs: number; names: string[] } | undefined;

  private constructor(client: MongoClient, database: string) {
    this.#client = client;
    this.#database = client.db(database);
    this.identities = new IdentityStore(this.#database);
    this.tokens = new TokenStore(this.#database);
    this.apiAudit = new ApiAuditStore(this.#database);
  }

  /** Opens the connection pool; the server may come later. */
  static open(options: MongoOptions): Archive {
    const client = new MongoClient(options.url, {
      appName: "hosttrail-collector",
      serverSelectionTimeoutMS: 5000,
      // Retrying single writes needs a replica set; ours are idempotent and tried again by the stream.
      retryWrites: false,
    });
    return new Archive(client, options.database);
  }

  async ping(): Promise<void> {
    await this.#database.command({ ping: 1 });
  }

  #day(day: string): Collection<StoredBlock> {
    return this.#database.collection<StoredBlock>(`blocks_${day}`);
  }

  /** Writes blocks; one that is there already counts as stored. Throws where the database cannot be reached. */
  async insertBlocks(blocks: readonly BlockDocument[]): Promise<InsertResult> {
    const byDay = Map.groupBy(blocks, (block) => dayOf(block.firstTimeNano));
    const results = await Promise.all(Array.from(byDay, ([day, list]) => this.#insertDay(day, list)));
    return { stored: results.flatMap((result) => result.stored), failed: results.flatMap((result) => result.failed) };
  }

  async #insertDay(day: string, blocks: readonly BlockDocument[]): Promise<InsertResult> {
    const collection = this.#day(day);
    await this.#ensureIndexes(day, collection);
    const failed: { id: string; error: string }[] = [];
    try {
      await collection.insertMany(blocks.map(toDocument), { ordered: false, writeConcern: DURABLE });
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError)) throw error;
      // A write concern that was not met says nothing of single blocks: none is known to be durable.
      if (error.result.getWriteConcernError() !== undefined) throw error;
      const writeErrors = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
      if (writeErrors.length === 0) throw error;
      for (const problem of writeErrors) {
        if (problem.code === DUPLICATE_KEY) continue;
        failed.push({ id: blocks[problem.index]?.id ?? "", error: problem.errmsg ?? `code ${problem.code}` });
      }
    }
    const lost = new Set(failed.map((problem) => problem.id));
    return { stored: blocks.map((block) => block.id).filter((id) => !lost.has(id)), failed };
  }

  async #ensureIndexes(day: string, collection: Collection<StoredBlock>): Promise<void> {
    if (this.#indexed.has(day)) return;
    // One by one and only what is missing: FerretDB 1.24 panics on a list of which a part is there already.
    const present = new Set(await indexNames(collection));
    for (const [name, key] of Object.entries(INDEXES)) {
      if (!present.has(name)) await collection.createIndex(key, { name });
    }
    this.#indexed.add(day);
    this.#days = undefined;
  }

  /** Which of these blocks are stored. */
  async storedIds(ids: readonly string[]): Promise<string[]> {
    const found: string[] = [];
    const missing = new Set(ids);
    for (const day of await this.days()) {
      if (missing.size === 0) break;
      const cursor = this.#day(day).find({ _id: { $in: [...missing] } }, { projection: { _id: 1 } });
      for await (const { _id } of cursor) {
        found.push(_id);
        missing.delete(_id);
      }
    }
    return found;
  }

  /** Days that have blocks, newest first. */
  async days(): Promise<string[]> {
    const now = performance.now();
    if (this.#days === undefined || now - this.#days.readMs > COLLECTIONS_CACHE_MS) {
      const collections = await this.#database.listCollections({}, { nameOnly: true }).toArray();
      const names = collections.map(({ name }) => COLLECTION.exec(name)?.[1] ?? "").filter((day) => day !== "");
      this.#days = { readMs: now, names: names.sort().reverse() };
    }
    return this.#days.names;
  }

  /** Blocks of a day, those that end latest first. */
  async *findBlocks(query: BlockQuery): AsyncGenerator<FoundBlock> {
    const filter: Filter<StoredBlock> = {
      t0: { $lt: Long.fromBigInt(query.endNano) },
      t1: { $gte: Long.fromBigInt(query.startNano) },
      ...(query.hostIds === undefined
        ? {}
        : { host: query.hostIds.length === 1 ? query.hostIds[0] : { $in: query.hostIds } }),
    };
    if (query.terms.length > 0) {
      filter.$and = query.terms.map(({ field, term }) => ({
        $or: [{ terms: storable(term) }, { terms_overflow: field }],
      })) as Filter<StoredBlock>[];
    }
    const cursor = this.#day(query.day)
      .find(filter, { projection: { block: 1, t1: 1 }, batchSize: 16 })
      .sort({ t1: -1, _id: -1 });
    try {
      for await (const document of cursor) yield toFound(document);
    } finally {
      await cursor.close();
    }
  }

  /** The block that holds this event, if any. */
  async findBlockOf(hostId: string, epoch: bigint, seq: bigint): Promise<FoundBlock | undefined> {
    for (const day of await this.days()) {
      const document = await this.#day(day)
        .find(
          { host: hostId, epoch: hex64(epoch), first_seq: { $lte: hex64(seq) } },
          { projection: { block: 1, t1: 1, first_seq: 1, count: 1 } },
        )
        .sort({ first_seq: -1 })
        .limit(1)
        .next();
      if (document === null) continue;
      if (seq < BigInt(`0x${document.first_seq}`) + BigInt(document.count)) return toFound(document);
    }
    return undefined;
  }

  /** Notes what blocks tell of their hosts; in any order, any number of times. */
  async noteHosts(hosts: readonly HostDocument[]): Promise<void> {
    if (hosts.length === 0) return;
    const operations: AnyBulkWriteOperation<Document & { _id: string }>[] = hosts.flatMap((host) => [
      {
        updateOne: {
          filter: { _id: host.hostId },
          update: {
            $min: { first_event: Long.fromBigInt(host.firstEventNano) },
            $max: { last_event: Long.fromBigInt(host.lastEventNano) },
          },
          upsert: true,
        },
      },
      {
        // Facts of an older block must not go over those of a newer one.
        updateOne: {
          filter: { _id: host.hostId, last_event: { $lte: Long.fromBigInt(host.lastEventNano) } },
          update: {
            $set: {
              name: storable(host.name),
              boot_id: host.bootId,
              agent_version: host.agentVersion,
              kernel: storable(host.kernel),
              os_name: storable(host.osName),
              os_version: storable(host.osVersion),
              architecture: host.architecture,
            },
          },
        },
      },
    ]);
    await this.#hosts.bulkWrite(operations, { ordered: true, writeConcern: DURABLE });
  }

  get #hosts(): Collection<Document & { _id: string }> {
    return this.#database.collection<Document & { _id: string }>("hosts");
  }

  /** Hosts in the order of their ids, after one of them. */
  async listHosts(afterId: string, limit: number, hostIds: readonly string[] | undefined): Promise<HostDocument[]> {
    const documents = await this.#hosts
      .find({ _id: { $gt: afterId, ...(hostIds === undefined ? {} : { $in: [...hostIds] }) } })
      .sort({ _id: 1 })
      .limit(limit)
      .toArray();
    return documents.map(toHost);
  }

  async getHost(hostId: string): Promise<HostDocument | undefined> {
    const document = await this.#hosts.findOne({ _id: hostId });
    return document === null ? undefined : toHost(document);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

/** Names of a collection's indexes; none where the collection is not there yet. */
async function indexNames(collection: Collection<StoredBlock>): Promise<string[]> {
  try {
    return (await collection.listIndexes().toArray()).map((index) => String(index["name"]));
  } catch (error) {
    if (error instanceof MongoServerError && error.code === NAMESPACE_NOT_FOUND) return [];
    throw error;
  }
}

/** UTC day of a time, "YYYYMMDD". */
function dayOf(timeNano: bigint): string {
  const bounded = timeNano < 0n ? 0n : timeNano;
  return new Date(Number(bounded / 1_000_000n)).toISOString().slice(0, 10).replaceAll("-", "");
}

/** Start of a day, nanoseconds since 1970, and of the next one. */
export function dayRange(day: string): { startNano: bigint; endNano: bigint } {
  const date = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`;
  const startNano = BigInt(Date.parse(`${date}T00:00:00Z`)) * 1_000_000n;
  return { startNano, endNano: startNano + DAY_NANO };
}

function toDocument(block: BlockDocument): StoredBlock {
  return {
    _id: block.id,
    host: block.hostId,
    epoch: hex64(block.epoch),
    first_seq: hex64(block.firstSeq),
    count: block.count,
    t0: Long.fromBigInt(block.firstTimeNano),
    t1: Long.fromBigInt(block.lastTimeNano),
    actions: block.actions.map(({ action, count }) => ({ action: storable(action), count })),
    terms: block.terms.map(storable),
    terms_overflow: block.termsOverflow,
    chain: block.chain,
    signer: block.signer,
    agent_version: storable(block.agentVersion),
    block: new Binary(block.bytes),
  };
}

function toFound(document: { _id: string; t1: Long | number | bigint; block: Binary }): FoundBlock {
  return { id: document._id, lastTimeNano: bigintOf(document.t1), bytes: document.block.buffer };
}

function toHost(document: Document & { _id: string }): HostDocument {
  const text = (key: string): string => (typeof document[key] === "string" ? document[key] : "");
  return {
    hostId: document._id,
    name: text("name"),
    bootId: text("boot_id"),
    agentVersion: text("agent_version"),
    kernel: text("kernel"),
    osName: text("os_name"),
    osVersion: text("os_version"),
    architecture: text("architecture"),
    firstEventNano: bigintOf(document["first_event"]),
    lastEventNano: bigintOf(document["last_event"]),
  };
}

/** The driver gives a 64-bit integer as a number where it is small enough. */
function bigintOf(value: unknown): bigint {
  if (Long.isLong(value)) return value.toBigInt();
  return typeof value === "number" || typeof value === "bigint" ? BigInt(value) : 0n;
}
