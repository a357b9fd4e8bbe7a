/** Keys of logs and witnesses: Ed25519 in a file that only its owner reads. A key that is there is never made again. */
import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { existsSync } from "node:fs";
import { ed25519BytesOf } from "@hosttrail/lib/crypto";
import { readSecretFile, writeFileDurably } from "@hosttrail/lib/files";
import { type KeyType, type VerifierKey, verifierKey } from "@hosttrail/lib/tlog";

/** A key and what signs with it. */
export interface LogSigner {
  key: VerifierKey;
  sign: (message: Uint8Array) => Uint8Array;
}

/** Reads a private key. Throws where others can read the file, or where it has no Ed25519 key. */
export function openSigner(type: KeyType, name: string, file: string): LogSigner {
  const text = readSecretFile(file);
  try {
    const privateKey = createPrivateKey(text);
    return {
      key: verifierKey(type, name, ed25519BytesOf(privateKey)),
      sign: (message) => sign(null, message, privateKey),
    };
  } catch (cause) {
    throw new Error(`${file}: there is no Ed25519 key in it (PKCS#8, PEM) that can be called "${name}"`, { cause });
  }
}

/** Makes a private key. Throws where the file is there: with another key a log is another log. */
export function makeSigner(type: KeyType, name: string, file: string): LogSigner {
  if (existsSync(file)) throw new Error(`${file} is there already; a key is never replaced`);
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  // The name is checked first, so that no file is left for one that cannot be.
  verifierKey(type, name, ed25519BytesOf(publicKey));
  writeFileDurably(file, privateKey.export({ format: "pem", type: "pkcs8" }));
  return openSigner(type, name, file);
}
