/** An authority's private key, under a passphrase where its owner wants one. */
import { createPrivateKey } from "node:crypto";
import { readSecretFile } from "@hosttrail/lib/files";

/** The private key as PKCS#8 in DER. */
export function readKey({ keyFile, passphraseFile }: { keyFile: string; passphraseFile: string }): Buffer {
  const passphrase = passphraseFile === "" ? undefined : readSecretFile(passphraseFile).trim();
  try {
    const key = createPrivateKey({ key: readSecretFile(keyFile), ...(passphrase === undefined ? {} : { passphrase }) });
    return key.export({ format: "der", type: "pkcs8" });
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && String(cause.code).startsWith("ERR_OSSL")) {
      throw new Error(`${keyFile} cannot be read as a private key: is ca.passphrase_file right?`, { cause });
    }
    throw cause;
  }
}
