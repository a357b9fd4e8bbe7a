/** Names in certificates. */
import { createHash, type KeyObject } from "node:crypto";

const HOST_ID_LENGTH = 32;

/** SHA-256 of a key's SubjectPublicKeyInfo, hex. */
export function fingerprintOf(key: KeyObject): string {
  return createHash("sha256")
    .update(key.export({ format: "der", type: "spki" }))
    .digest("hex");
}

/** A host's id is the beginning of its key's fingerprint: nobody can take the id of another one. */
export function hostIdOf(key: KeyObject): string {
  return fingerprintOf(key).slice(0, HOST_ID_LENGTH);
}

export function hostUri(hostId: string): string {
  return `spiffe://hosttrail/host/${hostId}`;
}

export function userUri(name: string): string {
  return `spiffe://hosttrail/user/${name}`;
}
