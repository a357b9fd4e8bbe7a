/** Values that a browser keeps for us, and can neither read nor change: sealed by a key that all collectors share. */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const LENGTH_MAX = 4096;

export class Seal {
  readonly #readKey: () => Promise<Uint8Array>;
  readonly #purpose: string;

  /** What is sealed for one purpose is nothing for another one. */
  constructor(readKey: () => Promise<Uint8Array>, purpose: string) {
    this.#readKey = readKey;
    this.#purpose = purpose;
  }

  /** Throws as reading the key does. */
  async seal(value: unknown, lifetimeMs: number): Promise<string> {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, await this.#key(), nonce);
    const text = JSON.stringify({ endMs: Date.now() + lifetimeMs, value });
    const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return Buffer.concat([nonce, body, cipher.getAuthTag()]).toString("base64url");
  }

  /** What was sealed; undefined where it has ended or was not sealed here. */
  async open(sealed: string): Promise<unknown> {
    const bytes = Buffer.from(sealed.length > LENGTH_MAX ? "" : sealed, "base64url");
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
    const decipher = createDecipheriv(CIPHER, await this.#key(), bytes.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
      const { endMs, value } = JSON.parse(text.toString("utf8")) as { endMs: number; value: unknown };
      return endMs > Date.now() ? value : undefined;
    } catch {
      return undefined;
    }
  }

  async #key(): Promise<Buffer> {
    return Buffer.from(hkdfSync("sha256", await this.#readKey(), "", `hosttrail console ${this.#purpose}`, KEY_BYTES));
  }
}
