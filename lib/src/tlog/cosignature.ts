/** Cosignatures: a witness says when it saw that a log only grew. Source: C2SP tlog-cosignature, Ed25519. */
import { verifyEd25519 } from "../crypto/index.ts";
import { TlogError } from "./error.ts";
import type { VerifierKey } from "./key.ts";
import type { Note, NoteSignature } from "./note.ts";
import { concat, toUtf8 } from "./text.ts";

const TIME_BYTES = 8;
const SIGNATURE_BYTES = 64;

function message(text: string, timeSeconds: number): Uint8Array {
  return toUtf8(`cosignature/v1\ntime ${String(timeSeconds)}\n${text}`);
}

/** Cosigns the text of a checkpoint; `sign` has the private key of `key`. */
export function cosign(
  text: string,
  key: VerifierKey,
  timeSeconds: number,
  sign: (message: Uint8Array) => Uint8Array,
): NoteSignature {
  const time = new Uint8Array(TIME_BYTES);
  new DataView(time.buffer).setBigUint64(0, BigInt(timeSeconds));
  return { name: key.name, id: key.id, bytes: concat([time, sign(message(text, timeSeconds))]) };
}

/**
 * When the witness of this key cosigned, in seconds since 1970; undefined where it did not. Throws a TlogError where its signature
 * does not hold. Of several the latest.
 */
export function cosignedAt(note: Note, key: VerifierKey): number | undefined {
  let latest: number | undefined;
  for (const { name, id, bytes } of note.signatures) {
    if (name !== key.name || id !== key.id) continue;
    const timeSeconds = timeOf(bytes);
    const isRight =
      key.type === "cosignature/v1" &&
      timeSeconds !== undefined &&
      verifyEd25519(key.publicKey, message(note.text, timeSeconds), bytes.subarray(TIME_BYTES));
    if (!isRight) {
      throw new TlogError(
        "SIGNATURE_INVALID",
        `the cosignature of ${name}`,
        "it is not one of its key over this checkpoint",
      );
    }
    latest = Math.max(latest ?? 0, timeSeconds);
  }
  return latest;
}

function timeOf(bytes: Uint8Array): number | undefined {
  if (bytes.length !== TIME_BYTES + SIGNATURE_BYTES) return undefined;
  const time = Number(new DataView(bytes.buffer, bytes.byteOffset, TIME_BYTES).getBigUint64(0));
  return Number.isSafeInteger(time) ? time : undefined;
}
