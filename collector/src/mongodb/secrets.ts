/** Keys that all collectors of a cluster share, made by the one that first needs them. */
import { randomBytes } from "node:crypto";
import type { Db } from "mongodb";
import { classify } from "./failure.ts";
import { Remembering } from "./remembering.ts";
import { Rows, text } from "./rows.ts";

const KEY_BYTES = 32;

export class SecretStore {
  readonly #secrets: Rows;
  readonly #keys = new Remembering((name) => this.#read(name));

  constructor(database: Db) {
    this.#secrets = new Rows(database, "secrets");
  }

  /** The same 32 bytes for everybody who asks for this name. Throws a RetryableError where the database is away. */
  async key(name: string): Promise<Uint8Array> {
    return await this.#keys.get(name);
  }

  async #read(name: string): Promise<Uint8Array> {
    try {
      const known = await this.#secrets.get(name);
      if (known === undefined)
        await this.#secrets.tryInsert({ _id: name, key: randomBytes(KEY_BYTES).toString("hex") });
      const row = known ?? (await this.#secrets.get(name));
      const key = Buffer.from(text(row, "key"), "hex");
      if (key.length !== KEY_BYTES) throw new Error(`the key "${name}" in the collection secrets is no key`);
      return key;
    } catch (error) {
      throw classify(error);
    }
  }
}
