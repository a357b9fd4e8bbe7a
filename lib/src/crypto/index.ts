/** The platform's hash, compression and signatures, as lib/block wants them. */
import { createHash, createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from "node:crypto";
import type { BlockPrimitives, Sign, Verify } from "../block/index.ts";
import { compress, compressSegment, decompress } from "./zstd.ts";

export const nodePrimitives: BlockPrimitives = {
  compress,
  compressSegment,
  decompress,
  sha256,
};

export function sha256(bytes: Uint8Array): Uint8Array {
  return hash("sha256", bytes, "buffer");
}

/** A signer for an Ed25519 private key in PEM. */
export function signerOf(privateKeyPem: string): Sign {
  const key = createPrivateKey(privateKeyPem);
  requireEd25519(key);
  return (message) => sign(null, message, key);
}

/** A verifier for the Ed25519 key of a certificate (X.509) or of a public key in PEM. */
export function verifierOf(publicKey: KeyObject): Verify {
  requireEd25519(publicKey);
  return (message, signature) => signature.length === 64 && verify(null, message, publicKey, signature);
}

/** Reads a public key in PEM or in DER (SubjectPublicKeyInfo). */
export function publicKeyOf(key: string | Buffer): KeyObject {
  return typeof key === "string" ? createPublicKey(key) : createPublicKey({ key, format: "der", type: "spki" });
}

/** What stands before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo. Source: RFC 8410. */
const ED25519_SPKI = Buffer.from("302a300506032b6570032100", "hex");

/** The 32 bytes of an Ed25519 key, public or private in PEM. Throws a TypeError for a key of another type. */
export function ed25519BytesOf(key: KeyObject): Uint8Array {
  requireEd25519(key);
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return new Uint8Array(publicKey.export({ format: "der", type: "spki" }).subarray(ED25519_SPKI.length));
}

/** True for a signature (RFC 8032) by the key of these 32 bytes; false for what is no key, too. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64 || publicKey.length !== 32) return false;
  try {
    return verify(null, message, publicKeyOf(Buffer.concat([ED25519_SPKI, publicKey])), signature);
  } catch {
    return false;
  }
}

/** SHA-256 of a public key's SubjectPublicKeyInfo, hex. */
export function fingerprintOf(publicKey: KeyObject): string {
  return createHash("sha256")
    .update(publicKey.export({ format: "der", type: "spki" }))
    .digest("hex");
}

/** Hex digits of a host id. */
const HOST_ID_LENGTH = 32;

/** A host's id is the beginning of its key's fingerprint: nobody can take the id of another one. */
export function hostIdOf(publicKey: KeyObject): string {
  return fingerprintOf(publicKey).slice(0, HOST_ID_LENGTH);
}

function requireEd25519(key: KeyObject): void {
  if (key.asymmetricKeyType !== "ed25519") {
    throw new TypeError(`blocks are signed with Ed25519; this key is ${key.asymmetricKeyType ?? "of no known type"}`);
  }
}
