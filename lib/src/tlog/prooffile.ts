/** A proof that an entry is in a log, as one file that is checked without asking anybody. Source: C2SP tlog-proof. */
import { TlogError } from "./error.ts";
import { HASH_BYTES, leafHash } from "./hash.ts";
import { NOTE_BYTES_MAX } from "./note.ts";
import { openWitnessed, type Policy, type Witnessed } from "./policy.ts";
import { concat, fromBase64, fromDecimal, fromUtf8, toBase64, toUtf8 } from "./text.ts";
import { verifyInclusion } from "./verify.ts";

const HEADER = "c2sp.org/tlog-proof@v1";
/** Hashes of a proof: a tree has at most 2^63 entries. */
export const PROOF_HASHES_MAX = 63;
/** Bytes of a file. */
const PROOF_BYTES_MAX: number = NOTE_BYTES_MAX + 128 * 1024;

export interface ProofFile {
  /** Of the entry, from 0. */
  index: number;
  /** From the leaf's sibling up. */
  hashes: readonly Uint8Array[];
  /** The note, as the log gave it. */
  checkpoint: Uint8Array;
  /** For the application; nobody has signed it. */
  extra?: Uint8Array | undefined;
}

export function formatProofFile({ index, hashes, checkpoint, extra }: ProofFile): Uint8Array {
  const lines = [
    HEADER,
    ...(extra === undefined ? [] : [`extra ${toBase64(extra)}`]),
    `index ${String(index)}`,
    ...hashes.map(toBase64),
    "",
  ];
  return concat([toUtf8(lines.map((line) => `${line}\n`).join("")), checkpoint]);
}

/** Throws a TlogError that names the line. */
export function parseProofFile(bytes: Uint8Array): ProofFile {
  const refuse = (place: string, detail: string): TlogError => new TlogError("PROOF_MALFORMED", place, detail);
  if (bytes.length > PROOF_BYTES_MAX) {
    throw refuse("the proof", `it has ${String(bytes.length)} bytes; ${String(PROOF_BYTES_MAX)} are allowed`);
  }
  const text = fromUtf8(bytes);
  if (text === undefined) throw refuse("the proof", "it is not UTF-8");
  const end = text.indexOf("\n\n");
  if (end < 0) throw refuse("the proof", "it has no empty line");
  const [header, ...lines] = text.slice(0, end).split("\n");
  if (header !== HEADER) throw refuse("line 1", `it is not "${HEADER}"`);
  const extraText = lines[0]?.startsWith("extra ") === true ? lines.shift()?.slice("extra ".length) : undefined;
  const extra = extraText === undefined ? undefined : fromBase64(extraText);
  if (extraText !== undefined && extra === undefined) throw refuse("line 2", "extra is not base64");
  const indexLine = lines.shift() ?? "";
  const index = indexLine.startsWith("index ") ? fromDecimal(indexLine.slice("index ".length)) : undefined;
  if (index === undefined) throw refuse("the line of the index", "it is not: index DECIMAL");
  if (lines.length > PROOF_HASHES_MAX) throw refuse("the proof", `more than ${String(PROOF_HASHES_MAX)} hashes`);
  return { index, hashes: parseHashes(lines, "PROOF_MALFORMED"), checkpoint: toUtf8(text.slice(end + 2)), extra };
}

/** Lines of base64, each of a hash. Throws a TlogError. */
export function parseHashes(lines: readonly string[], code: "PROOF_MALFORMED" | "REQUEST_MALFORMED"): Uint8Array[] {
  return lines.map((line, at) => {
    const hash = fromBase64(line);
    if (hash?.length !== HASH_BYTES)
      throw new TlogError(code, `hash ${String(at + 1)}`, "it is not the base64 of 32 bytes");
    return hash;
  });
}

/** Throws a TlogError where the file does not show that the entry is in a log of the policy, witnessed as the policy wants it. */
export function verifyProofFile(
  policy: Policy,
  file: ProofFile,
  entry: Uint8Array,
): { origin: string; size: number; witnessed: Witnessed[] } {
  const { checkpoint, witnessed } = openWitnessed(policy, file.checkpoint);
  verifyInclusion(checkpoint, file.index, leafHash(entry), file.hashes);
  return { origin: checkpoint.origin, size: checkpoint.size, witnessed };
}
