/** Keys of notes, as a line of text: name, id and public key. Source: C2SP signed-note, "Verifier keys". */
import { sha256 } from "../crypto/index.ts";
import { TlogError } from "./error.ts";
import { concat, fromBase64, isEqual, toBase64, toUtf8 } from "./text.ts";

/** What a key signs: the text of a note, or, as a witness, a tree that it has seen grow. */
export type KeyType = "ed25519" | "cosignature/v1";

/** Source: C2SP signed-note, "Signature types". */
const TYPE_BYTES: Readonly<Record<KeyType, number>> = { ed25519: 1, "cosignature/v1": 4 };
const PUBLIC_KEY_BYTES = 32;
/** Longer names are taken by nobody. */
const NAME_LENGTH_MAX = 256;
/** All that Unicode takes for a space, a plus sign, and what no note may have. */
const NOT_IN_NAME = /[\s\u0085+]|\p{Cc}|\p{White_Space}|\p{Surrogate}/u;

export interface VerifierKey {
  type: KeyType;
  name: string;
  /** First four bytes of a hash of the rest, big-endian. */
  id: number;
  /** Ed25519, 32 bytes. */
  publicKey: Uint8Array;
}

/** True for what can be the name of a key: not empty, no spaces, no plus sign. */
export function isKeyName(name: string): boolean {
  return name.length > 0 && name.length <= NAME_LENGTH_MAX && !NOT_IN_NAME.test(name);
}

/** Throws a TlogError for a name that cannot be one, and for a key that does not have 32 bytes. */
export function verifierKey(type: KeyType, name: string, publicKey: Uint8Array): VerifierKey {
  if (!isKeyName(name)) {
    const allowed = `1 to ${String(NAME_LENGTH_MAX)} characters without spaces and "+"`;
    throw new TlogError("KEY_MALFORMED", `the name ${JSON.stringify(name.slice(0, 80))}`, `a name has ${allowed}`);
  }
  if (publicKey.length !== PUBLIC_KEY_BYTES) {
    throw new TlogError("KEY_MALFORMED", `the key ${name}`, `it has ${String(publicKey.length)} bytes, not 32`);
  }
  const material = concat([Uint8Array.of(TYPE_BYTES[type]), publicKey]);
  const hash = sha256(concat([toUtf8(`${name}\n`), material]));
  return { type, name, id: idAt(hash), publicKey };
}

/** `<name>+<id>+<type and key in base64>`. */
export function formatVerifierKey({ type, name, id, publicKey }: VerifierKey): string {
  const material = concat([Uint8Array.of(TYPE_BYTES[type]), publicKey]);
  return `${name}+${id.toString(16).padStart(8, "0")}+${toBase64(material)}`;
}

/** Throws a TlogError for what is no such line, whose id is not the one of its key, or whose type is not one of `types`. */
export function parseVerifierKey(line: string, types: readonly KeyType[]): VerifierKey {
  const place = `the key ${JSON.stringify(line.slice(0, 80))}`;
  const [name = "", idText = "", materialText = "", ...more] = line.split("+");
  // Base64 may have the plus signs that a name may not.
  const material = fromBase64([materialText, ...more].join("+"));
  if (material === undefined || material.length < 1 || !/^[0-9a-f]{8}$/.test(idText)) {
    throw new TlogError("KEY_MALFORMED", place, "a key is NAME+ID+KEY, with 8 hex digits and base64");
  }
  const type = types.find((each) => TYPE_BYTES[each] === material[0]);
  if (type === undefined) {
    const allowed = types.map((each) => `${String(TYPE_BYTES[each])} (${each})`).join(", ");
    throw new TlogError("KEY_MALFORMED", place, `its type is ${String(material[0])}; allowed is ${allowed}`);
  }
  const key = verifierKey(type, name, material.subarray(1));
  if (key.id !== Number.parseInt(idText, 16)) {
    throw new TlogError(
      "KEY_MALFORMED",
      place,
      `its id is not ${key.id.toString(16).padStart(8, "0")}, the one of its key`,
    );
  }
  return key;
}

/** True for keys that sign with the same key, whatever they are called. */
export function isSameKey(a: VerifierKey, b: VerifierKey): boolean {
  return isEqual(a.publicKey, b.publicKey);
}

/** The 32 bits at the beginning of `bytes`. */
export function idAt(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0);
}
