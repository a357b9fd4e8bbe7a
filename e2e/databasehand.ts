/** A hand in the database that is not the collector's. */
import { MongoClient } from "mongodb";

export class DatabaseHand {
  readonly #client: MongoClient;
  readonly #name: string;

  private constructor(client: MongoClient, name: string) {
    this.#client = client;
    this.#name = name;
  }

  static async open(url: string, database: string): Promise<DatabaseHand> {
    return new DatabaseHand(await new MongoClient(url, { retryWrites: false }).connect(), database);
  }

  async createIndex(collection: string, key: Record<string, 1 | -1>, name: string): Promise<void> {
    await this.#of(collection).createIndex(key, { name });
  }

  async dropIndex(collection: string, name: string): Promise<void> {
    await this.#of(collection).dropIndex(name);
  }

  async insert(collection: string, document: { _id: string }): Promise<void> {
    await this.#of(collection).insertOne(document);
  }

  /** Sets fields of a document; false where there is none of this id. */
  async set(collection: string, id: string, fields: Readonly<Record<string, unknown>>): Promise<boolean> {
    const { matchedCount } = await this.#of(collection).updateOne({ _id: id }, { $set: fields });
    return matchedCount === 1;
  }

  /** Empties the collections whose names match. */
  async clear(names: RegExp): Promise<void> {
    const database = this.#client.db(this.#name);
    for (const { name } of await database.listCollections().toArray())
      if (names.test(name)) await database.collection(name).deleteMany({});
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  #of(collection: string) {
    return this.#client.db(this.#name).collection<{ _id: string }>(collection);
  }
}
