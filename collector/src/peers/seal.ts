/**
 * Messages between query processes carry an HMAC by a key that these share in the database. Whoever has NATS alone can so neither offer to
 * read nor say what was found: an answer would lack what a stranger said is not there. A reply is bound to its request.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { PeerMessageError } from "./checked.ts";

/** What a message is, so that none can stand for one of another kind. */
type MessageKind = "call" | "offer" | "request" | "reply";

const MAC_BYTES = 32;
/** Bytes of a sealed message beside its body. */
export const SEAL_BYTES: number = MAC_BYTES;
const NOTHING = new Uint8Array(0);

export class PeerSeal {
  readonly #readKey: () => Promise<Uint8Array>;

  /** `readKey` gives the same key in all collectors of a cluster, and is called for each message. */
  constructor(readKey: () => Promise<Uint8Array>) {
    this.#readKey = readKey;
  }

  /** The message: a MAC, then `body`. That of a reply is `about` its sealed request. Throws a RetryableError where the key cannot be read. */
  async seal(kind: MessageKind, body: Uint8Array, about?: Uint8Array): Promise<Uint8Array> {
    return Buffer.concat([await this.#mac(kind, body, about), body]);
  }

  /** The body of a message of `seal`. Throws a PeerMessageError where it is none, and a RetryableError as seal. */
  async open(kind: MessageKind, message: Uint8Array, about?: Uint8Array): Promise<Uint8Array> {
    const [mac, body] = [message.subarray(0, MAC_BYTES), message.subarray(MAC_BYTES)];
    if (mac.length !== MAC_BYTES || !timingSafeEqual(mac, await this.#mac(kind, body, about)))
      throw new PeerMessageError(`a ${kind} of ${message.length} bytes is of nobody who has this cluster's key`);
    return body;
  }

  async #mac(kind: MessageKind, body: Uint8Array, about: Uint8Array = NOTHING): Promise<Uint8Array> {
    const key = await this.#readKey();
    // Of the request its MAC is enough, whose length is always the same.
    return createHmac("sha256", key)
      .update(`hosttrail-peer ${kind} `)
      .update(about.subarray(0, MAC_BYTES))
      .update(body)
      .digest();
  }
}
