/**
 * An authority in a folder, for small fleets:
 *
 *   ca.crt      certificate of the key that signs now
 *   ca.key      that key, readable by its owner alone, under a passphrase where one is given
 *   trust.crt   all authorities that are trusted: more than one while a rotation is under way
 *   next.*      the key that signs after the rotation
 */
import { createPrivateKey } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makePrivateDirectory, readSecretFile, writeFileDurably } from "@hosttrail/lib/files";
import { readKey } from "./key.ts";
import { userUri } from "./names.ts";
import { type KeyPair, makeAuthority, makeKeyPair, openIssuer } from "./x509.ts";

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;

interface Folder {
  directory: string;
  /** Empty for a key without a passphrase. */
  passphraseFile: string;
}

/** Makes an authority; never over one that is there. */
export async function initAuthority(folder: Folder, name: string): Promise<void> {
  const { directory } = folder;
  makePrivateDirectory(directory);
  for (const file of ["ca.crt", "ca.key", "trust.crt"]) {
    if (existsSync(join(directory, file))) throw new Error(`${join(directory, file)} is there already`);
  }
  const pair = await makeAuthority(name, AUTHORITY_DAYS * DAY_MS);
  writeAuthority(folder, "ca", pair);
  writePublic(join(directory, "trust.crt"), pair.certificatePem);
}

function writeAuthority(
  { directory, passphraseFile }: Folder,
  name: string,
  { certificatePem, keyPem }: KeyPair,
): void {
  const passphrase = passphraseFile === "" ? "" : readSecretFile(passphraseFile).trim();
  const key =
    passphrase === ""
      ? keyPem
      : createPrivateKey(keyPem).export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase });
  writeFileDurably(join(directory, `${name}.key`), key);
  writePublic(join(directory, `${name}.crt`), certificatePem);
}

function writePublic(path: string, content: string): void {
  writeFileSync(`${path}.new`, content, { mode: 0o644 });
  renameSync(`${path}.new`, path);
}

/**
 * The next step of a rotation: "begin" makes the next key and lets it be trusted; "switch" signs with it, once all have
 * learned that it is trusted; "finish" ends the trust in the old one, once no certificate of it is in use.
 */
export async function rotateAuthority(
  folder: Folder,
  step: "begin" | "switch" | "finish",
  name: string,
): Promise<void> {
  const at = (file: string): string => join(folder.directory, file);
  const trust = at("trust.crt");
  if (step === "begin") {
    if (existsSync(at("next.crt"))) throw new Error(`${at("next.crt")} is there: a rotation is under way`);
    const pair = await makeAuthority(name, AUTHORITY_DAYS * DAY_MS);
    writeAuthority(folder, "next", pair);
    writePublic(trust, readFileSync(trust, "utf8") + pair.certificatePem);
  } else if (step === "switch") {
    if (!existsSync(at("next.crt"))) throw new Error(`${at("next.crt")} is not there: begin first`);
    renameSync(at("next.key"), at("ca.key"));
    renameSync(at("next.crt"), at("ca.crt"));
  } else {
    if (existsSync(at("next.crt"))) throw new Error("the new key does not sign yet: switch first");
    writePublic(trust, readFileSync(at("ca.crt"), "utf8"));
  }
}

/** A certificate for a collector, in `<name>.crt` and `<name>.key` of the output folder. */
export async function issueServer(
  folder: Folder,
  names: readonly string[],
  days: number,
  output: string,
): Promise<void> {
  const [commonName = ""] = names;
  await issueTo(folder, { commonName, uri: undefined, servers: names, usage: "server" }, days, output);
}

/** A certificate for a person or a program that asks. */
export async function issueUser(folder: Folder, name: string, days: number, output: string): Promise<void> {
  if (!/^[\w.@-]{1,64}$/.test(name)) {
    throw new Error(`"${name}" is no name of a user; up to 64 letters, digits, "_", ".", "@" and "-" are allowed`);
  }
  await issueTo(folder, { commonName: name, uri: userUri(name), servers: [], usage: "client" }, days, output);
}

async function issueTo(
  { directory, passphraseFile }: Folder,
  subject: Parameters<typeof makeKeyPair>[1],
  days: number,
  output: string,
): Promise<void> {
  const key = readKey({ keyFile: join(directory, "ca.key"), passphraseFile });
  const issuer = await openIssuer(readFileSync(join(directory, "ca.crt"), "utf8"), key);
  const pair = await makeKeyPair(issuer, subject, days * DAY_MS);
  writeFileDurably(`${output}.key`, pair.keyPem);
  writePublic(`${output}.crt`, pair.certificatePem);
}
