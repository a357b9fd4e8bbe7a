/** Whether a checkpoint is cosigned, and what is answered. Source: C2SP tlog-witness, add-checkpoint. */
import {
  type AddCheckpoint,
  type Checkpoint,
  cosign,
  emptyRoot,
  formatSignature,
  isSignedBy,
  type Note,
  parseAddCheckpoint,
  parseCheckpoint,
  parseNote,
  TlogError,
  type TreeHead,
  type VerifierKey,
  verifyConsistency,
} from "@hosttrail/lib/tlog";

/** A log that is cosigned; its origin is the name of its key. */
export interface KnownLog {
  key: VerifierKey;
}

export interface WitnessKey {
  key: VerifierKey;
  sign: (message: Uint8Array) => Uint8Array;
}

/** What was cosigned last, by origin. */
export interface CosignedTrees {
  /** Undefined where nothing was. Throws where that cannot be known. */
  get(origin: string): TreeHead | undefined;
  /** Keeps it durably, or throws. */
  put(checkpoint: Checkpoint, note: Note): void;
}

export interface Answer {
  status: number;
  body: string;
  type?: string;
  /** For the witness's own record. */
  origin?: string;
  size?: number;
  detail?: string;
}

const SIZE_TYPE = "text/x.tlog.size";

export interface JudgeOptions {
  logs: readonly KnownLog[];
  key: WitnessKey;
  state: CosignedTrees;
  nowMs: number;
}

/** Answers one request; what it cosigns it has kept before. Throws where that fails. */
export function judge(body: Uint8Array, { logs, key, state, nowMs }: JudgeOptions): Answer {
  let request: AddCheckpoint;
  let note: Note;
  let checkpoint: Checkpoint;
  try {
    request = parseAddCheckpoint(body);
    note = parseNote(request.checkpoint);
    checkpoint = parseCheckpoint(note.text);
  } catch (error) {
    return refusal(400, error);
  }
  const { origin, size } = checkpoint;
  const about = { origin: origin.slice(0, 256), size };
  const known = logs.filter(({ key: { name } }) => name === origin);
  if (known.length === 0) return { ...about, status: 404, body: "the origin is not known here\n" };
  try {
    if (!known.some((log) => isSignedBy(note, log.key))) {
      return { ...about, status: 403, body: "no key that is known here has signed it\n" };
    }
  } catch (error) {
    return { ...about, ...refusal(403, error) };
  }
  if (request.oldSize > size) return { ...about, status: 400, body: "the old size is above the size\n" };
  const last = state.get(origin) ?? { size: 0, root: emptyRoot() };
  const conflict = { ...about, status: 409, body: `${String(last.size)}\n`, type: SIZE_TYPE };
  if (request.oldSize !== last.size) return { ...conflict, detail: `the old size is ${String(request.oldSize)}` };
  if (size === last.size && Buffer.compare(checkpoint.root, last.root) !== 0) {
    // The log has signed two trees of one size: here is the proof of it.
    return { ...conflict, detail: `another root of the same size was signed: ${JSON.stringify(note.text)}` };
  }
  try {
    verifyConsistency(last, checkpoint, request.hashes);
  } catch (error) {
    return { ...about, ...refusal(422, error) };
  }
  state.put(checkpoint, note);
  const cosignature = cosign(note.text, key.key, Math.floor(nowMs / 1000), key.sign);
  return { ...about, status: 200, body: `${formatSignature(cosignature)}\n` };
}

function refusal(status: number, error: unknown): Answer {
  if (!(error instanceof TlogError)) throw error;
  return { status, body: `${error.message}\n`, detail: error.message };
}
