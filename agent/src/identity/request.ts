/** A certificate signing request (PKCS#10) for an Ed25519 key. Source: RFC 2986 (form), RFC 8410 (key and signature). */
import { createPublicKey, type KeyObject, sign } from "node:crypto";

// All parts have fixed lengths, so DER is a matter of putting them one behind the other.
/** SEQUENCE of 51 bytes; version 0; no subject, since the collector chooses the name. */
const INFO_HEAD = Buffer.from("30330201003000", "hex");
/** No attributes. */
const INFO_TAIL = Buffer.from("a000", "hex");
/** SEQUENCE of 127 bytes around all. */
const REQUEST_HEAD = Buffer.from("307f", "hex");
/** AlgorithmIdentifier Ed25519, then a BIT STRING of 64 bytes. */
const SIGNATURE_HEAD = Buffer.from("300506032b6570034100", "hex");
const PUBLIC_KEY_BYTES = 44;

export function certificateRequest(key: KeyObject): Buffer {
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" });
  if (key.asymmetricKeyType !== "ed25519" || publicKey.length !== PUBLIC_KEY_BYTES) {
    throw new TypeError("the host's key must be Ed25519");
  }
  const info = Buffer.concat([INFO_HEAD, publicKey, INFO_TAIL]);
  return Buffer.concat([REQUEST_HEAD, info, SIGNATURE_HEAD, sign(null, info, key)]);
}
