/** The blocks. */
import {
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
import { type BlockDocument, OUTSIDE, type Place } from "../model/index.ts";
import { ApiAuditStore } from "./apiaudit.ts";
import { classify, classifyWrite, DUPLICATE_KEY } from "./failure.ts";
import { bigintOf, HostStore } from "./hosts.ts";
import { IdentityStore } from "./identities.ts";
import { DURABLE, storable } from "./rows.ts";
import { TokenStore } from "./tokens.ts";

const COLLECTIONS_CACHE_MS = 2000;
const DAY_NANO = 86_400_000_000_000n;
const COLLECTION = /^blocks_(\d{8})$/;

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
  /** UTC day, "YYYYMMDD", or OUTSIDE. */
  day: Place;
  /** Only of these hosts; undefined for all. Few enough to be listed in a query. */
  hostIds: readonly string[] | undefined;
  startNano: bigint;
  endNano: bigint;
  /** Terms that must all be there, unless the block has too many of that field. */
  terms: readonly { field: string; term: string }[];
}

/** What became of each block of a batch, by its id. */
export interface InsertResult {
  stored: string[];
  /** A block of this id was there: whether it is the same one is for the caller to find out. */
  present: string[];
  failed: { id: string; error: Error }[];
}

/** A block by its id, and where it lies if it is there. */
export interface BlockAt {
  id: string;
  place: Place;
}

export class Archive {
  // In the same database, each a few small collections.
  readonly identities: IdentityStore;
  readonly tokens: TokenStore;
  readonly apiAudit: ApiAuditStore;
  readonly hosts: HostStore;
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
    this.hosts = new HostStore(this.#database);
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

  #place(place: Place): Collection<StoredBlock> {
    return this.#database.collection<StoredBlock>(`blocks_${place}`);
  }

  /** Writes blocks. Throws a RetryableError where the database is away, and something else where it is the blocks' fault. */
  async insertBlocks(blocks: readonly BlockDocument[]): Promise<InsertResult> {
    const byPlace = Map.groupBy(blocks, ({ place }) => place);
    const results = await Promise.all(Array.from(byPlace, ([place, list]) => this.#insertInto(place, list)));
    return {
      stored: results.flatMap((result) => result.stored),
      present: results.flatMap((result) => result.present),
      failed: results.flatMap((result) => result.failed),
    };
  }

  async #insertInto(place: Place, blocks: readonly BlockDocument[]): Promise<InsertResult> {
    const collection = this.#place(place);
    const present: string[] = [];
    const failed: { id: string; error: Error }[] = [];
    try {
      await this.#ensureIndexes(place, collection);
      await collection.insertMany(blocks.map(toDocument), { ordered: false, writeConcern: DURABLE });
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError() !== undefined)
        throw classify(error);
      const writeErrors = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
      if (writeErrors.length === 0) throw classify(error);
      for (const { index, code, errmsg } of writeErrors) {
        const id = blocks[index]?.id ?? "";
        if (code === DUPLICATE_KEY) present.push(id);
        else failed.push({ id, error: classifyWrite(code, errmsg ?? `code ${code}`) });
      }
    }
    const others = new Set([...present, ...failed.map(({ id }) => id)]);
    return { stored: blocks.map(({ id }) => id).filter((id) => !others.has(id)), present, failed };
  }

  async #ensureIndexes(place: Place, collection: Collection<StoredBlock>): Promise<void> {
    if (this.#indexed.has(place)) return;
    // One by one and only what is missing: FerretDB 1.24 panics on a list of which a part is there already.
    const present = new Set(await indexNames(collection));
    for (const [name, key] of Object.entries(INDEXES)) {
      if (!present.has(name)) await collection.createIndex(key, { name });
    }
    this.#indexed.add(place);
    this.#days = undefined;
  }

  /** `<id> <header hash, hex>` of those of these blocks that are there. Throws as insertBlocks. */
  async hashesOf(blocks: readonly BlockAt[]): Promise<Set<string>> {
    const hashes = new Set<string>();
    try {
      for (const [place, list] of Map.groupBy(blocks, (block) => block.place)) {
        const [only] = list;
        const filter = list.length === 1 && only ? { _id: only.id } : { _id: { $in: list.map(({ id }) => id) } };
        const cursor = this.#place(place).find(filter, { projection: { "chain.hash": 1 } });
        for await (const { _id, chain } of cursor) hashes.add(`${_id} ${String((chain as Document)["hash"])}`);
      }
    } catch (error) {
      throw classify(error);
    }
    return hashes;
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
    const cursor = this.#place(query.day)
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
    for (const place of [...(await this.days()), OUTSIDE]) {
      const document = await this.#place(place)
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
    received_ms: block.receivedMs,
    actions: block.actions.map(({ action, count }) => ({ action: storable(action), count })),
    terms: block.terms.map(storable),
    terms_overflow: block.termsOverflow,
    chain: block.chain,
    ...(block.forkOf === undefined ? {} : { fork_of: block.forkOf }),
    signer: block.signer,
    agent_version: storable(block.agentVersion),
    block: new Binary(block.bytes),
  };
}

function toFound(document: { _id: string; t1: Long | number | bigint; block: Binary }): FoundBlock {
  return { id: document._id, lastTimeNano: bigintOf(document.t1), bytes: document.block.buffer };
}
