/** Signed notes: a text, an empty line, signatures. Source: C2SP signed-note. */
import { verifyEd25519 } from "../crypto/index.ts";
import { TlogError } from "./error.ts";
import { idAt, isKeyName, type VerifierKey } from "./key.ts";
import { concat, fromBase64, fromUtf8, toBase64, toUtf8 } from "./text.ts";

/** Bytes of a note. */
export const NOTE_BYTES_MAX: number = 64 * 1024;
/** Signatures of a note. */
export const NOTE_SIGNATURES_MAX = 128;
const ID_BYTES = 4;
const SIGNATURE_BEGIN = "\u2014 ";

export interface NoteSignature {
  name: string;
  id: number;
  /** Without the id. */
  bytes: Uint8Array;
}

export interface Note {
  /** With the newline at its end. */
  text: string;
  signatures: readonly NoteSignature[];
}

/** Throws a TlogError for what is no note, or is longer than a note may be. Nothing in it may be believed yet. */
export function parseNote(bytes: Uint8Array): Note {
  const refuse = (place: string, detail: string): TlogError => new TlogError("NOTE_MALFORMED", place, detail);
  if (bytes.length > NOTE_BYTES_MAX) {
    throw refuse("the note", `it has ${String(bytes.length)} bytes; ${String(NOTE_BYTES_MAX)} are allowed`);
  }
  const whole = fromUtf8(bytes);
  if (whole === undefined) throw refuse("the note", "it is not UTF-8");
  if (/[^\P{Cc}\n\u007f-\u009f]/u.test(whole))
    throw refuse("the note", "it has a control character other than newline");
  const end = whole.lastIndexOf("\n\n");
  if (end < 0 || !whole.endsWith("\n")) throw refuse("the note", "it has no empty line, or no newline at its end");
  const lines = whole.slice(end + 2, -1).split("\n");
  if (lines.length > NOTE_SIGNATURES_MAX) {
    throw refuse("the note", `it has ${String(lines.length)} signatures; ${String(NOTE_SIGNATURES_MAX)} are allowed`);
  }
  return {
    text: whole.slice(0, end + 1),
    signatures: lines.map((line, at) => parseSignature(line, `signature ${String(at + 1)}`)),
  };
}

/** Throws a TlogError for what is no line of a signature. */
export function parseSignature(line: string, place: string): NoteSignature {
  const refuse = (detail: string): TlogError => new TlogError("NOTE_MALFORMED", place, detail);
  if (!line.startsWith(SIGNATURE_BEGIN)) throw refuse("it does not begin with an em dash and a space");
  const space = line.lastIndexOf(" ");
  const name = line.slice(SIGNATURE_BEGIN.length, Math.max(space, SIGNATURE_BEGIN.length));
  const bytes = fromBase64(line.slice(space + 1));
  if (!isKeyName(name)) throw refuse("the name of its key is none");
  if (bytes === undefined || bytes.length <= ID_BYTES) throw refuse("it is not base64 of an id and a signature");
  return { name, id: idAt(bytes), bytes: bytes.slice(ID_BYTES) };
}

/** Without the newline at its end. */
export function formatSignature({ name, id, bytes }: NoteSignature): string {
  const idBytes = Uint8Array.of(id >>> 24, (id >>> 16) & 255, (id >>> 8) & 255, id & 255);
  return `${SIGNATURE_BEGIN}${name} ${toBase64(concat([idBytes, bytes]))}`;
}

export function formatNote({ text, signatures }: Note): Uint8Array {
  return toUtf8(`${text}\n${signatures.map((each) => `${formatSignature(each)}\n`).join("")}`);
}

/** The signature that is of this key; undefined where there is none. */
export function signatureBy(note: Note, key: VerifierKey): NoteSignature | undefined {
  return note.signatures.find(({ name, id }) => name === key.name && id === key.id);
}

/** Signs the text of a note; `sign` has the private key of `key`. */
export function signNote(text: string, key: VerifierKey, sign: (message: Uint8Array) => Uint8Array): NoteSignature {
  return { name: key.name, id: key.id, bytes: sign(toUtf8(text)) };
}

/**
 * True where the note has a signature of this key; throws a TlogError where that one does not hold, whatever other ones there are.
 * For keys of the type ed25519.
 */
export function isSignedBy(note: Note, key: VerifierKey): boolean {
  const found = note.signatures.filter(({ name, id }) => name === key.name && id === key.id);
  for (const { bytes } of found) {
    if (key.type !== "ed25519" || !verifyEd25519(key.publicKey, toUtf8(note.text), bytes)) {
      throw new TlogError(
        "SIGNATURE_INVALID",
        `the signature of ${key.name}`,
        "it is not one of its key over this text",
      );
    }
  }
  return found.length > 0;
}
