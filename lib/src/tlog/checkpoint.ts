/** Checkpoints: what a log says that it has. Source: C2SP tlog-checkpoint. */
import { TlogError } from "./error.ts";
import { HASH_BYTES } from "./hash.ts";
import type { VerifierKey } from "./key.ts";
import { isSignedBy, type Note, parseNote } from "./note.ts";
import { fromBase64, fromDecimal, toBase64 } from "./text.ts";
import type { TreeHead } from "./verify.ts";

export interface Checkpoint extends TreeHead {
  /** Name of the log. */
  origin: string;
  /** Further lines, which are opaque. */
  extensions: readonly string[];
}

/** A checkpoint that its log has signed, and the note in which it stands. */
export interface SignedCheckpoint {
  checkpoint: Checkpoint;
  note: Note;
}

/** The text of the note. */
export function formatCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  return [origin, String(size), toBase64(root), ...extensions].map((line) => `${line}\n`).join("");
}

/** Of the text of a note. Throws a TlogError. */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split("\n");
  const [origin = "", sizeText = "", rootText = "", ...rest] = lines;
  const extensions = rest.slice(0, -1);
  const refuse = (line: number, detail: string): TlogError =>
    new TlogError("CHECKPOINT_MALFORMED", `line ${String(line)}`, detail);
  if (lines.length < 4 || lines.at(-1) !== "")
    throw refuse(lines.length, "a checkpoint has three lines or more, each with its end");
  if (origin === "") throw refuse(1, "the origin is empty");
  const size = fromDecimal(sizeText);
  if (size === undefined) throw refuse(2, "the size is no decimal from 0 to 2^53 - 1");
  const root = fromBase64(rootText);
  if (root?.length !== HASH_BYTES) throw refuse(3, "the root is not the base64 of 32 bytes");
  const empty = extensions.indexOf("");
  if (empty >= 0) throw refuse(empty + 4, "an extension line is empty");
  return { origin, size, root, extensions };
}

/** A checkpoint that one of `keys` has signed, under its own name. Throws a TlogError where it is of another log, or of nobody. */
export function openCheckpoint(bytes: Uint8Array, keys: readonly VerifierKey[]): SignedCheckpoint {
  const note = parseNote(bytes);
  const checkpoint = parseCheckpoint(note.text);
  const ofOrigin = keys.filter(({ name }) => name === checkpoint.origin);
  if (ofOrigin.length === 0) {
    const known = keys.map(({ name }) => name).join(", ");
    throw new TlogError(
      "ORIGIN_MISMATCH",
      `the origin ${checkpoint.origin.slice(0, 256)}`,
      `expected is ${known || "none"}`,
    );
  }
  if (ofOrigin.filter((key) => isSignedBy(note, key)).length === 0) {
    throw new TlogError("SIGNATURE_MISSING", `the checkpoint of ${checkpoint.origin}`, "its log has not signed it");
  }
  return { checkpoint, note };
}
