/** Blocks as they arrive, until they become a part of history some minutes later. */
import { Binary, type Collection, type Db, type Document, type Filter, Long, MongoBulkWriteError } from "mongodb";
import { hex64 } from "@hosttrail/lib/block";
import type { Arrival, ChainStatus } from "../model/index.ts";
import { classify, classifyWrite, DUPLICATE_KEY } from "./failure.ts";
import { inParallel } from "./parallel.ts";
import type { ArrivalQuery, FoundArrivals, ReadingBounds } from "./reading.ts";
import { bigintOf, DURABLE, number, storable, text } from "./rows.ts";
import { SharedReads } from "./sharedreads.ts";

export interface StoredArrival extends Document {
  _id: string;
  host: string;
  epoch: string;
  first_seq: string;
  count: number;
  t0: Long;
  t1: Long;
  block: Binary;
}

/** What became of each block of a batch, by its id. */
export interface InsertResult {
  stored: string[];
  /** A block of this id was there: whether it is the same one is for the caller to find out. */
  present: string[];
  failed: { id: string; error: Error }[];
}

export class ArrivalStore {
  readonly #all: Collection<StoredArrival>;
  readonly #findsRanges: () => Promise<boolean>;
  readonly #shared = new SharedReads((query, bounds) => this.#find(query, bounds));

  /** `findsRanges`: whether the server finds blocks by their times without reading all of them. */
  constructor(database: Db, findsRanges: () => Promise<boolean>) {
    this.#all = database.collection<StoredArrival>("arrivals");
    this.#findsRanges = findsRanges;
  }

  /** Writes blocks. Throws a RetryableError where the database is away, and something else where it is the blocks' fault. */
  async insert(blocks: readonly Arrival[]): Promise<InsertResult> {
    const present: string[] = [];
    const failed: { id: string; error: Error }[] = [];
    try {
      await this.#all.insertMany(blocks.map(toDocument), { ordered: false, writeConcern: DURABLE });
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

  /** Hashes of the headers of those of these blocks that are there, hex, by id. Throws as insert. */
  async hashesOf(ids: readonly string[]): Promise<Map<string, string>> {
    const hashes = new Map<string, string>();
    try {
      await inParallel(ids, async (_id) => {
        const found = await this.#all.findOne({ _id }, { projection: { chain: 1 } });
        if (found !== null) hashes.set(_id, text(found["chain"] as Document, "hash"));
      });
    } catch (error) {
      throw classify(error);
    }
    return hashes;
  }

  /** Those that end latest, the latest first, within the bounds; `isAll` where there are no more. */
  async find(query: ArrivalQuery, bounds: ReadingBounds): Promise<FoundArrivals> {
    return (await this.#findsRanges()) ? await this.#find(query, bounds) : await this.#shared.find(query, bounds);
  }

  async #find(query: ArrivalQuery, bounds: ReadingBounds): Promise<FoundArrivals> {
    const filter: Filter<StoredArrival> = {
      t0: { $lt: Long.fromBigInt(query.endNano) },
      t1: { $gte: Long.fromBigInt(query.startNano) },
    };
    const { hostIds } = query;
    if (hostIds !== undefined) filter.host = { $in: [...hostIds] };
    return await this.#read(filter, { t1: -1, _id: -1 }, bounds);
  }

  /**
   * Some that wait, those that came first mostly first. `prefix` of host ids: only those; a server that finds ranges of ids is
   * asked for them, another one is asked for all.
   */
  async waiting(prefix: string, bounds: ReadingBounds): Promise<FoundArrivals> {
    const filter = prefix === "" ? {} : { _id: { $gte: prefix, $lt: `${prefix}g` } };
    return await this.#read(filter, undefined, bounds);
  }

  /** `<host> <place>` of all that wait, without the blocks themselves. */
  async waitingDays(): Promise<Set<string>> {
    const days = new Set<string>();
    const cursor = this.#all.find({}, { projection: { host: 1, place: 1 }, batchSize: 1024 });
    try {
      for await (const document of cursor) days.add(`${document.host} ${text(document, "place")}`);
      return days;
    } catch (error) {
      throw classify(error);
    } finally {
      await cursor.close();
    }
  }

  async #read(
    filter: Filter<StoredArrival>,
    sort: Record<string, 1 | -1> | undefined,
    { blocksMax, bytesMax }: ReadingBounds,
  ): Promise<FoundArrivals> {
    const arrivals: Arrival[] = [];
    let bytes = 0;
    // One more than asked for tells whether there are more.
    const cursor = this.#all.find(filter, { limit: blocksMax + 1, batchSize: 1024, ...(sort ? { sort } : {}) });
    try {
      for await (const document of cursor) {
        bytes += document.block.length();
        if (arrivals.length >= blocksMax || (arrivals.length > 0 && bytes > bytesMax))
          return { arrivals, isAll: false };
        arrivals.push(fromDocument(document));
      }
      return { arrivals, isAll: true };
    } catch (error) {
      throw classify(error);
    } finally {
      await cursor.close();
    }
  }

  /** Takes blocks away that are elsewhere now. */
  async remove(ids: readonly string[]): Promise<void> {
    try {
      if (ids.length === 0) return;
      const deletes = ids.map((_id) => ({ deleteOne: { filter: { _id } } }));
      await this.#all.bulkWrite(deletes, { ordered: false, writeConcern: DURABLE });
    } catch (error) {
      throw classify(error);
    }
  }
}

function toDocument(block: Arrival): StoredArrival {
  return {
    _id: block.id,
    host: block.hostId,
    epoch: hex64(block.epoch),
    first_seq: hex64(block.firstSeq),
    count: block.count,
    place: block.place,
    t0: Long.fromBigInt(block.firstTimeNano),
    t1: Long.fromBigInt(block.lastTimeNano),
    received_ms: block.receivedMs,
    chain: block.chain,
    ...(block.forkOf === undefined ? {} : { fork_of: block.forkOf }),
    signer: storable(block.signer),
    block: new Binary(block.bytes),
  };
}

/** Throws, with whatever error, where the document is damaged. */
export function fromDocument(document: StoredArrival): Arrival {
  const chain = document["chain"] as Document;
  const forkOf = text(document, "fork_of");
  return {
    id: document._id,
    place: text(document, "place"),
    hostId: document.host,
    epoch: BigInt(`0x${document.epoch}`),
    firstSeq: BigInt(`0x${document.first_seq}`),
    count: document.count,
    firstTimeNano: bigintOf(document.t0),
    lastTimeNano: bigintOf(document.t1),
    receivedMs: number(document, "received_ms"),
    chain: {
      hash: text(chain, "hash"),
      previous: text(chain, "previous"),
      status: text(chain, "status") as ChainStatus,
    },
    ...(forkOf === "" ? {} : { forkOf }),
    signer: text(document, "signer"),
    bytes: document.block.buffer,
  };
}
