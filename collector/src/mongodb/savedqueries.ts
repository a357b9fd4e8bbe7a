/** Questions that people keep under a name. Those of one scope are not there for callers of another. */
import { createHash } from "node:crypto";
import { Binary, type Db } from "mongodb";
import type { SavedQueryDocument } from "../model/index.ts";
import { classify } from "./failure.ts";
import { type Row, Rows, storable, text } from "./rows.ts";

/** Greater than all that names have in them. */
const AFTER_NAMES = "~";

/** Each throws a RetryableError where the database is away. */
export class SavedQueryStore {
  readonly #queries: Rows;

  constructor(database: Db) {
    this.#queries = new Rows(database, "saved_queries");
  }

  async putSavedQuery({ scope, name, bytes }: SavedQueryDocument): Promise<void> {
    await this.#try(() =>
      this.#queries.put({ _id: idOf(scope, name), scope: storable(scope), name, query: new Binary(bytes) }),
    );
  }

  async getSavedQuery(scope: string, name: string): Promise<SavedQueryDocument | undefined> {
    const row = await this.#try(() => this.#queries.get(idOf(scope, name)));
    return row && toDocument(row);
  }

  /** In the order of names, after one of them. */
  async listSavedQueries(scope: string, afterName: string, limit: number): Promise<SavedQueryDocument[]> {
    const range = { $gt: idOf(scope, afterName), $lt: idOf(scope, AFTER_NAMES) };
    const rows = await this.#try(() => this.#queries.all.find({ _id: range }).sort({ _id: 1 }).limit(limit).toArray());
    return rows.map(toDocument);
  }

  /** False where there is none. */
  async deleteSavedQuery(scope: string, name: string): Promise<boolean> {
    return await this.#try(() => this.#queries.delete(idOf(scope, name)));
  }

  async #try<Value>(ask: () => Promise<Value>): Promise<Value> {
    try {
      return await ask();
    } catch (error) {
      throw classify(error);
    }
  }
}

/** Scopes have characters of all kinds, and may be long. */
function idOf(scope: string, name: string): string {
  return `${createHash("sha256").update(scope).digest("hex").slice(0, 32)}-${name}`;
}

function toDocument(row: Row): SavedQueryDocument {
  const query: unknown = row["query"];
  const bytes = query instanceof Binary ? new Uint8Array(query.value()) : new Uint8Array(0);
  return { scope: text(row, "scope"), name: text(row, "name"), bytes };
}
