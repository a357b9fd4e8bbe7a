/** What a log asks of a witness, and what that one answers. Source: C2SP tlog-witness. */
import { TlogError } from "./error.ts";
import { NOTE_BYTES_MAX, type NoteSignature, NOTE_SIGNATURES_MAX, parseSignature } from "./note.ts";
import { parseHashes, PROOF_HASHES_MAX } from "./prooffile.ts";
import { concat, fromDecimal, fromUtf8, toBase64, toUtf8 } from "./text.ts";

/** Bytes of a request. */
export const REQUEST_BYTES_MAX: number = NOTE_BYTES_MAX + 4096;

export interface AddCheckpoint {
  /** Size of the tree that the witness has cosigned last; 0 for none. */
  oldSize: number;
  /** Consistency proof from there. */
  hashes: readonly Uint8Array[];
  /** The note. */
  checkpoint: Uint8Array;
}

export function formatAddCheckpoint({ oldSize, hashes, checkpoint }: AddCheckpoint): Uint8Array {
  const lines = [`old ${String(oldSize)}`, ...hashes.map(toBase64), ""];
  return concat([toUtf8(lines.map((line) => `${line}\n`).join("")), checkpoint]);
}

/** Throws a TlogError. */
export function parseAddCheckpoint(bytes: Uint8Array): AddCheckpoint {
  const refuse = (place: string, detail: string): TlogError => new TlogError("REQUEST_MALFORMED", place, detail);
  if (bytes.length > REQUEST_BYTES_MAX) throw refuse("the request", `more than ${String(REQUEST_BYTES_MAX)} bytes`);
  const text = fromUtf8(bytes);
  if (text === undefined) throw refuse("the request", "it is not UTF-8");
  const end = text.indexOf("\n\n");
  if (end < 0) throw refuse("the request", "it has no empty line");
  const [old = "", ...lines] = text.slice(0, end).split("\n");
  const oldSize = old.startsWith("old ") ? fromDecimal(old.slice("old ".length)) : undefined;
  if (oldSize === undefined) throw refuse("line 1", "it is not: old DECIMAL");
  if (lines.length > PROOF_HASHES_MAX) throw refuse("the proof", `more than ${String(PROOF_HASHES_MAX)} hashes`);
  return { oldSize, hashes: parseHashes(lines, "REQUEST_MALFORMED"), checkpoint: toUtf8(text.slice(end + 2)) };
}

/** The lines of signatures that a witness answers. Throws a TlogError. */
export function parseCosignatures(bytes: Uint8Array): NoteSignature[] {
  const text = bytes.length > NOTE_BYTES_MAX ? undefined : fromUtf8(bytes);
  if (text === undefined || !text.endsWith("\n")) {
    throw new TlogError(
      "NOTE_MALFORMED",
      "the answer",
      `it is no lines of UTF-8, at most ${String(NOTE_BYTES_MAX)} bytes`,
    );
  }
  const lines = text.slice(0, -1).split("\n");
  if (lines.length > NOTE_SIGNATURES_MAX) {
    throw new TlogError("NOTE_MALFORMED", "the answer", `more than ${String(NOTE_SIGNATURES_MAX)} signatures`);
  }
  return lines.map((line, at) => parseSignature(line, `signature ${String(at + 1)} of the answer`));
}
