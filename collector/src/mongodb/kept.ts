/**
 * What is kept of hosts, as it lies there, for those who look for damage: nothing is remembered from one question to the next, and what
 * cannot be read is given as that, so that one damaged document does not hide the others.
 */
import type { Collection, Db, Document, Filter } from "mongodb";
import type { Arrival, CatalogEntry, Place } from "../model/index.ts";
import { fromDocument, type StoredArrival } from "./arrivals.ts";
import { classify } from "./failure.ts";
import { bytesOf, entriesOf, parseCatalogId, type Payload } from "./history.ts";
import type { ReadingBounds } from "./reading.ts";

/** A block that waits to become a part of history; a text where its document cannot be read. */
export interface KeptArrival {
  id: string;
  arrival: Arrival | { problem: string };
}

/** What a host's newest catalog of a place lists; a text where it cannot be read. */
export interface KeptCatalog {
  hostId: string;
  place: Place;
  entries: CatalogEntry[] | { problem: string };
}

export class KeptStore {
  readonly #database: Db;
  readonly #days: Db;

  /** `days`: where the collections are that are made for each day. */
  constructor(database: Db, days: Db) {
    this.#database = database;
    this.#days = days;
  }

  /** Arrivals whose ids are of these hosts, within the bounds; `isAll` where there are no more. Throws a RetryableError where the database is away. */
  async arrivalsOf(
    hostIds: readonly string[],
    { blocksMax, bytesMax }: ReadingBounds,
  ): Promise<{ arrivals: KeptArrival[]; isAll: boolean }> {
    const arrivals: KeptArrival[] = [];
    let bytes = 0;
    const all: Collection<StoredArrival> = this.#database.collection("arrivals");
    const cursor = all.find(ofHosts<StoredArrival>(hostIds), { batchSize: 1024 });
    try {
      for await (const document of cursor) {
        const arrival = readOr(() => whole(fromDocument(document)));
        bytes += "problem" in arrival ? 0 : arrival.bytes.length;
        if (arrivals.length >= blocksMax || bytes > bytesMax) return { arrivals, isAll: false };
        arrivals.push({ id: document._id, arrival });
      }
      return { arrivals, isAll: true };
    } catch (error) {
      throw classify(error);
    } finally {
      await cursor.close();
    }
  }

  /** The newest catalog of each of these hosts that has one. Throws as `arrivalsOf`. */
  async catalogsOf(place: Place, hostIds: readonly string[]): Promise<KeptCatalog[]> {
    const newest = new Map<string, KeptCatalog>();
    const all: Collection<Payload> = this.#days.collection(`catalog_${place}`);
    try {
      for await (const document of all.find(ofHosts<Payload>(hostIds), { sort: { _id: 1 } })) {
        const { hostId } = parseCatalogId(document._id);
        newest.set(hostId, { hostId, place, entries: readOr(() => entriesOf(bytesOf(document))) });
      }
    } catch (error) {
      throw classify(error);
    }
    return [...newest.values()];
  }
}

function whole(arrival: Arrival): Arrival {
  // What was no binary value gives none.
  if (!((arrival.bytes as unknown) instanceof Uint8Array)) throw new TypeError("it has no block");
  return arrival;
}

/** Whatever a damaged document makes of those who read it. */
function readOr<Value>(read: () => Value): Value | { problem: string } {
  try {
    return read();
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Ids that begin with a host's and "-": the character after that is ".". */
function ofHosts<Row extends Document>(hostIds: readonly string[]): Filter<Row> {
  const ranges = hostIds.map((hostId) => ({ _id: { $gte: `${hostId}-`, $lt: `${hostId}.` } }));
  const [only] = ranges;
  return (ranges.length === 1 && only !== undefined ? only : { $or: ranges }) as unknown as Filter<Row>;
}
