/**
 * History: for each place a collection of catalogs, one of payloads and one of sieves. All of them are found by their `_id` and by
 * nothing else, which is what every server with this wire protocol does quickly; docs/decisions/0024-history.md says more.
 *
 * A catalog is changed by inserting its next version, the one step that all these servers do as one; the older one is removed after it.
 */
import { createHash } from "node:crypto";
import { Binary, type Collection, type Db, type Document, type Filter } from "mongodb";
import { Catalog as StoredCatalog, type CatalogEntry as StoredEntry } from "@hosttrail/proto/catalog";
import { type Catalog, type CatalogEntry, type Place } from "../model/index.ts";
import { fromDense, toDense } from "./dense.ts";
import { classify } from "./failure.ts";
import { NewestCatalogs } from "./newest.ts";
import { inParallel } from "./parallel.ts";
import { DURABLE, number, Rows, text, texts } from "./rows.ts";

const PLACE = /^catalog_(\d{8})$/;
const DAY_NANO = 86_400_000_000_000n;
/** Hosts whose catalogs are asked for one by one; of more, all are read. */
const HOSTS_ASKED_MAX = 64;
/** The same for a server that finds nothing but one id quickly. */
const HOSTS_ONE_BY_ONE_MAX = 16;

/** Bytes, as they are or as dense text with their number. */
export interface Payload extends Document {
  _id: string;
  bytes?: Binary;
  text?: string;
  length?: number;
}

/** Payloads that no catalog may list: what a writer that was ended leaves behind, and what newer payloads have taken the place of. */
export interface Leftover {
  id: string;
  payloadIds: string[];
  place: Place;
  hostId: string;
  /** When it was noted. */
  timeMs: number;
}

export class HistoryStore {
  readonly #days: Db;
  readonly #leftovers: Rows;
  readonly #turns: Rows;
  readonly #keepsJson: () => Promise<boolean>;
  readonly #newest: NewestCatalogs;

  /** `days`: where the collections are that are made for each day. `keepsJson`: whether the server writes documents as JSON. */
  constructor(database: Db, days: Db, keepsJson: () => Promise<boolean>) {
    this.#days = days;
    this.#keepsJson = keepsJson;
    this.#leftovers = new Rows(database, "leftovers");
    this.#turns = new Rows(database, "compact_turns");
    this.#newest = new NewestCatalogs({
      ids: async (place) =>
        (
          await this.#catalogs(place)
            .find({}, { projection: { _id: 1 } })
            .toArray()
        ).map(({ _id }) => _id),
      bytes: (place, id) => this.#bytes(this.#catalogs(place), id),
      idOf: catalogId,
      parse: parseCatalogId,
    });
  }

  #catalogs(place: Place): Collection<Payload> {
    return this.#days.collection<Payload>(`catalog_${place}`);
  }

  #payloads(place: Place): Collection<Payload> {
    return this.#days.collection<Payload>(`segments_${place}`);
  }

  #sieves(place: Place): Collection<Payload> {
    return this.#days.collection<Payload>(`sieves_${place}`);
  }

  /**
   * Days that have history, "YYYYMMDD", newest first. Asked for each time: a block may have gone from the arrivals to the first
   * segment of a day a moment ago.
   */
  async days(): Promise<Place[]> {
    try {
      const collections = await this.#days.listCollections({}, { nameOnly: true }).toArray();
      const days = collections.map(({ name }) => PLACE.exec(name)?.[1] ?? "").filter((day) => day !== "");
      return days.sort().reverse();
    } catch (error) {
      throw classify(error);
    }
  }

  /** A text that is another one as soon as a catalog of the place is. Throws a RetryableError where the database is away. */
  async fingerprint(place: Place): Promise<string> {
    try {
      const ids = await this.#catalogs(place)
        .find({}, { projection: { _id: 1 } })
        .toArray();
      const sorted = ids.map(({ _id }) => _id).sort();
      return createHash("sha256").update(sorted.join("\n")).digest("hex");
    } catch (error) {
      throw classify(error);
    }
  }

  /** The newest catalog of each host that has one. Throws a RetryableError where the database is away. */
  async catalogs(place: Place, hostIds: readonly string[] | undefined): Promise<Catalog[]> {
    const versions = new Map<string, { version: number; bytes: Uint8Array; older: number[] }>();
    try {
      // Ascending, and the next version is there before this one goes: whoever reads on finds at least one of them.
      const cursor = this.#catalogs(place).find(ofHosts(hostIds), { sort: { _id: 1 } });
      for await (const document of cursor) {
        const { hostId, version } = parseCatalogId(document._id);
        const before = versions.get(hostId);
        const older = before === undefined ? [] : [...before.older, before.version];
        versions.set(hostId, { version, bytes: bytesOf(document), older });
      }
    } catch (error) {
      throw classify(error);
    }
    const asked = hostIds && new Set(hostIds);
    return Array.from(versions, ([hostId, found]) => ({ hostId, place, ...found }))
      .filter(({ hostId }) => asked?.has(hostId) !== false)
      .map(({ bytes, ...catalog }) => ({ ...catalog, entries: entriesOf(bytes) }));
  }

  /** As `catalogs` for those who only read: nothing is told of what is older. */
  async newestCatalogs(place: Place, hostIds: readonly string[] | undefined): Promise<Catalog[]> {
    if (hostIds === undefined || hostIds.length > HOSTS_ONE_BY_ONE_MAX || !(await this.#keepsJson()))
      return await this.catalogs(place, hostIds);
    let found: Awaited<ReturnType<NewestCatalogs["find"]>>;
    try {
      found = await this.#newest.find(place, hostIds);
    } catch (error) {
      throw classify(error);
    }
    if (found === undefined) return await this.catalogs(place, hostIds);
    return found.map(({ bytes, ...catalog }) => ({ ...catalog, place, older: [], entries: entriesOf(bytes) }));
  }

  /** The newest catalogs of all hosts, one after the other: they are never in memory together. Throws a RetryableError where the database is away. */
  async *eachCatalog(place: Place): AsyncGenerator<Pick<Catalog, "hostId" | "entries">> {
    let last: Payload | undefined;
    const told = (document: Payload): Pick<Catalog, "hostId" | "entries"> => ({
      hostId: parseCatalogId(document._id).hostId,
      entries: entriesOf(bytesOf(document)),
    });
    try {
      // Ascending, as in `catalogs`: the versions of a host follow each other, and the last of them is the newest.
      for await (const document of this.#catalogs(place).find({}, { sort: { _id: 1 } })) {
        const { hostId } = parseCatalogId(document._id);
        if (last !== undefined && parseCatalogId(last._id).hostId !== hostId) yield told(last);
        last = document;
      }
      if (last !== undefined) yield told(last);
    } catch (error) {
      throw classify(error);
    }
  }

  /**
   * Puts a catalog in the place of the version before it, and removes that. False where another one was first, and nothing is
   * changed. A version that was left by somebody who was ended between the two steps is removed by `removeCatalog`.
   */
  async replaceCatalog({ hostId, place, version, entries }: Omit<Catalog, "older">): Promise<boolean> {
    const bytes = StoredCatalog.encode({ entries: entries.map(toStored) }).finish();
    const catalogs = new Rows(this.#days, `catalog_${place}`);
    try {
      const isFirst = await catalogs.tryInsert(await this.#document(catalogId(hostId, version), bytes));
      if (!isFirst) return false;
      if (version > 1) await catalogs.delete(catalogId(hostId, version - 1));
      return true;
    } catch (error) {
      throw classify(error);
    }
  }

  async removeCatalog(place: Place, hostId: string, version: number): Promise<void> {
    try {
      await new Rows(this.#days, `catalog_${place}`).delete(catalogId(hostId, version));
    } catch (error) {
      throw classify(error);
    }
  }

  async payload(place: Place, id: string): Promise<Uint8Array | undefined> {
    return await this.#bytes(this.#payloads(place), id);
  }

  async sieve(place: Place, id: string): Promise<Uint8Array | undefined> {
    return await this.#bytes(this.#sieves(place), id);
  }

  async #document(_id: string, bytes: Uint8Array): Promise<Payload> {
    if (await this.#keepsJson()) return { _id, text: toDense(bytes), length: bytes.length };
    return { _id, bytes: new Binary(bytes) };
  }

  async #bytes(collection: Collection<Payload>, _id: string): Promise<Uint8Array | undefined> {
    try {
      const document = await collection.findOne({ _id });
      return document === null ? undefined : bytesOf(document);
    } catch (error) {
      throw classify(error);
    }
  }

  /** Writes payloads and their sieves, durably. No catalog lists them yet. */
  async addPayloads(
    place: Place,
    payloads: readonly { id: string; bytes: Uint8Array; sieve: Uint8Array }[],
  ): Promise<void> {
    try {
      const write = async (collection: Collection<Payload>, _id: string, bytes: Uint8Array): Promise<void> => {
        await collection.insertOne(await this.#document(_id, bytes), { writeConcern: DURABLE });
      };
      await inParallel(payloads, async ({ id, bytes, sieve }) => {
        await write(this.#payloads(place), id, bytes);
        await write(this.#sieves(place), id, sieve);
      });
    } catch (error) {
      throw classify(error);
    }
  }

  async removePayload(place: Place, id: string): Promise<void> {
    try {
      await this.#sieves(place).deleteOne({ _id: id }, { writeConcern: DURABLE });
      await this.#payloads(place).deleteOne({ _id: id }, { writeConcern: DURABLE });
    } catch (error) {
      throw classify(error);
    }
  }

  /**
   * Takes all that there is of a place away: the catalogs first, so that what is gone is listed nowhere. To be called where nobody
   * compacts it. What is gone already stays gone.
   */
  async dropPlace(place: Place): Promise<void> {
    try {
      for (const collection of [this.#catalogs(place), this.#payloads(place), this.#sieves(place)])
        await this.#days.dropCollection(collection.collectionName);
    } catch (error) {
      throw classify(error);
    }
  }

  async addLeftover({ id, payloadIds, place, hostId, timeMs }: Leftover): Promise<void> {
    try {
      await this.#leftovers.insert({ _id: id, payloads: payloadIds, place, host: hostId, time_ms: timeMs });
    } catch (error) {
      throw classify(error);
    }
  }

  async leftovers(): Promise<Leftover[]> {
    try {
      const rows = await this.#leftovers.all.find({}).toArray();
      return rows.map((row) => ({
        id: row._id,
        payloadIds: texts(row["payloads"]),
        place: text(row, "place"),
        hostId: text(row, "host"),
        timeMs: number(row, "time_ms"),
      }));
    } catch (error) {
      throw classify(error);
    }
  }

  async removeLeftover(id: string): Promise<void> {
    try {
      await this.#leftovers.delete(id);
    } catch (error) {
      throw classify(error);
    }
  }

  /** True for the first one that asks for a turn; so several collectors share the work. */
  async takeTurn(name: string, timeMs: number): Promise<boolean> {
    try {
      return await this.#turns.tryInsert({ _id: name, time_ms: timeMs });
    } catch (error) {
      throw classify(error);
    }
  }

  async forgetTurns(beforeMs: number): Promise<void> {
    try {
      const rows = await this.#turns.all.find({}).toArray();
      for (const row of rows) if (number(row, "time_ms") < beforeMs) await this.#turns.delete(row._id);
    } catch (error) {
      throw classify(error);
    }
  }
}

/** What is damaged so far that it is no text of ours is given as no bytes: their hash will not be the right one. */
export function bytesOf({ bytes, text: dense, length = 0 }: Payload): Uint8Array {
  if (dense === undefined) return bytes?.buffer ?? NO_BYTES;
  try {
    return fromDense(dense).subarray(0, length);
  } catch (error) {
    if (error instanceof RangeError) return NO_BYTES;
    throw error;
  }
}

const NO_BYTES = new Uint8Array(0);

function catalogId(hostId: string, version: number): string {
  return `${hostId}-${version.toString(16).padStart(8, "0")}`;
}

export function parseCatalogId(id: string): { hostId: string; version: number } {
  const [hostId = "", version = ""] = id.split("-");
  return { hostId, version: Number.parseInt(version, 16) };
}

export function entriesOf(bytes: Uint8Array): CatalogEntry[] {
  return StoredCatalog.decode(bytes).entries.map(fromStored);
}

function ofHosts(hostIds: readonly string[] | undefined): Filter<Payload> {
  if (hostIds === undefined || hostIds.length > HOSTS_ASKED_MAX) return {};
  const [only] = hostIds;
  if (hostIds.length === 1 && only !== undefined) return rangeOf(only);
  return { $or: hostIds.map(rangeOf) };
}

/** All versions of a host's catalog: the character after "-" is ".". */
function rangeOf(hostId: string): Filter<Payload> {
  return { _id: { $gte: `${hostId}-`, $lt: `${hostId}.` } };
}

function toStored({ firstTimeNano, lastTimeNano, block, hourEvents = [], ...entry }: CatalogEntry): StoredEntry {
  return {
    ...entry,
    hourEvents,
    firstTimeUnixNano: firstTimeNano,
    lastTimeUnixNano: lastTimeNano,
    block: block && { ...block, receivedMs: BigInt(block.receivedMs) },
  };
}

function fromStored({ firstTimeUnixNano, lastTimeUnixNano, block, hourEvents, ...entry }: StoredEntry): CatalogEntry {
  return {
    ...entry,
    firstTimeNano: firstTimeUnixNano,
    lastTimeNano: lastTimeUnixNano,
    ...(hourEvents.length === 0 ? {} : { hourEvents }),
    ...(block === undefined ? {} : { block: { ...block, receivedMs: Number(block.receivedMs) } }),
  };
}

/** Start of a day, nanoseconds since 1970, and of the next one. */
export function dayRange(place: Place): { startNano: bigint; endNano: bigint } {
  const date = `${place.slice(0, 4)}-${place.slice(4, 6)}-${place.slice(6)}`;
  const startNano = BigInt(Date.parse(`${date}T00:00:00Z`)) * 1_000_000n;
  return { startNano, endNano: startNano + DAY_NANO };
}
