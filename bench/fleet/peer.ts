/** The peer: one JSON document an event in the same database, as a search engine would keep it. */
import { type Collection, type Document, Long, MongoClient } from "mongodb";
import { Event } from "@hosttrail/proto/event";

const BATCH = 500;

export class Peer {
  readonly #client: MongoClient;
  readonly #events: Collection;

  private constructor(client: MongoClient, database: string) {
    this.#client = client;
    this.#events = client.db(database).collection("events");
  }

  static async open(url: string, database: string): Promise<Peer> {
    return new Peer(await MongoClient.connect(url), database);
  }

  async insert(events: readonly Event[]): Promise<void> {
    for (let at = 0; at < events.length; at += BATCH) {
      await this.#events.insertMany(events.slice(at, at + BATCH).map(documentOf), { ordered: false });
    }
  }

  /** Bytes of the documents as the database has them, with its indexes. */
  async bytes(): Promise<number> {
    const stats = await this.#client.db(this.#events.dbName).command({ dbStats: 1 });
    return Number(stats["storageSize"] ?? 0) + Number(stats["indexSize"] ?? 0);
  }

  async ask(hostId: string, startNano: bigint, endNano: bigint, action: string): Promise<number> {
    const found = await this.#events
      .find({
        "host.id": hostId,
        "event.action": action,
        time: { $gte: Long.fromBigInt(startNano), $lt: Long.fromBigInt(endNano) },
      })
      .toArray();
    return found.length;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

function documentOf(event: Event): Document {
  const document = Event.toJSON(event) as Document;
  return { ...document, time: Long.fromBigInt(event.event?.timeUnixNano ?? 0n) };
}
