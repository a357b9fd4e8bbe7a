/**
 * Page tokens that only collectors of this cluster can make: with a key that they share, and for a day. What a token is bound to is looked
 * at besides, so a token that was given to somebody else, or for another question, goes on with nothing.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { TokenError } from "./token.ts";

const VERSION = 2;
const MAC_BYTES = 16;
const LENGTH_MAX = 1024;
const HOUR_MS = 3_600_000;
/** A token of earlier than this is no longer taken: what it says of a place may be gone. */
const AGE_MAX_MS: number = 24 * HOUR_MS;
/** Clocks of collectors may differ by so much. */
const AHEAD_MAX_MS = 600_000;

export class PageTokens {
  readonly #readKey: () => Promise<Uint8Array>;
  readonly #now: () => number;

  /** `readKey` gives the same key in all collectors of a cluster, and is called for each token; `now` is the time, milliseconds. */
  constructor(readKey: () => Promise<Uint8Array>, now: () => number = Date.now) {
    this.#readKey = readKey;
    this.#now = now;
  }

  async #mac(body: string): Promise<Buffer> {
    const key = await this.#readKey();
    return createHmac("sha256", key).update(`hosttrail-page-token ${body}`).digest().subarray(0, MAC_BYTES);
  }

  /** Throws a RetryableError where the key cannot be read. */
  async encode(fingerprint: string, place: string): Promise<string> {
    const body = JSON.stringify([VERSION, fingerprint, this.#now(), place]);
    return Buffer.concat([await this.#mac(body), Buffer.from(body)]).toString("base64url");
  }

  /** The place of a token of `encode`. Throws a TokenError that says what is wrong, and a RetryableError as encode. */
  async decode(token: string, fingerprint: string): Promise<string> {
    const bytes = Buffer.from(token.length > LENGTH_MAX ? "" : token, "base64url");
    const body = bytes.subarray(MAC_BYTES).toString("utf8");
    const mac = bytes.subarray(0, MAC_BYTES);
    if (mac.length !== MAC_BYTES || !timingSafeEqual(mac, await this.#mac(body)))
      throw new TokenError("page_token is not one that this API gave out");
    // Ours, so it has this form.
    const [, bound, madeMs, place] = JSON.parse(body) as [number, string, number, string];
    const ageMs = this.#now() - madeMs;
    if (ageMs > AGE_MAX_MS || ageMs < -AHEAD_MAX_MS)
      throw new TokenError(
        `page_token has expired: tokens are good for ${AGE_MAX_MS / HOUR_MS} h; ask again without one`,
      );
    if (bound !== fingerprint)
      throw new TokenError(
        "page_token belongs to a request with other fields, or of another caller; send the same ones for each page",
      );
    return place;
  }
}
