/** The key of the markers' hash: a file that the fleet gives, or one of this host's own. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readSecretFile, writeFileDurably } from "@hosttrail/lib/files";

const KEY_BYTES = 32;

/** Reads the key; makes it where it is this host's own and not there yet. Throws where others may read it. */
export function readKey(given: string, ownPath: string): Uint8Array {
  if (given === "" && !existsSync(ownPath)) writeFileDurably(ownPath, `${randomBytes(KEY_BYTES).toString("hex")}\n`);
  const path = given === "" ? ownPath : given;
  const text = readSecretFile(path).trim();
  if (!/^[0-9a-fA-F]{64,}$/.test(text)) {
    throw new Error(
      `${path}: a redaction key is at least ${2 * KEY_BYTES} hex digits (openssl rand -hex ${KEY_BYTES})`,
    );
  }
  return Buffer.from(text, "hex");
}
