/** Asks a witness to cosign a checkpoint. Source: C2SP tlog-witness. */
import {
  cosignedAt,
  formatAddCheckpoint,
  formatNote,
  type Note,
  type NoteSignature,
  parseCosignatures,
  type PolicyWitness,
  type TreeHead,
} from "@hosttrail/lib/tlog";
import { LogHalted } from "./halt.ts";

/** Times that a witness is asked with another old size. */
const ATTEMPTS_MAX = 3;
const ANSWER_BYTES_MAX: number = 64 * 1024;

/** Why there is no cosignature for now; another try may get one. */
export class WitnessUnavailable extends Error {
  override readonly name = "WitnessUnavailable";
  readonly code = "WITNESS_UNAVAILABLE";

  constructor(witness: string, detail: string, options?: ErrorOptions) {
    super(`the witness ${witness} does not cosign: ${detail}`, options);
  }
}

export interface WitnessRequest {
  /** With the log's signature. */
  note: Note;
  tree: TreeHead;
  /** Hashes from an older size. */
  prove: (oldSize: number) => Promise<Uint8Array[]>;
  timeoutMs: number;
  signal: AbortSignal;
}

interface Answer {
  status: number;
  type: string;
  body: Uint8Array;
}

export class WitnessClient {
  readonly #witness: PolicyWitness;
  /** Size that it has cosigned last, as far as is known. */
  #lastSize = 0;

  constructor(witness: PolicyWitness) {
    this.#witness = witness;
  }

  get name(): string {
    return this.#witness.name;
  }

  /** Its cosignatures. Throws a WitnessUnavailable, or a LogHalted where it has seen another log than ours. */
  async cosign(request: WitnessRequest): Promise<NoteSignature[]> {
    const { note, tree } = request;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const oldSize = Math.min(this.#lastSize, tree.size);
      const answer = await this.#post(oldSize, request);
      if (answer.status === 200) {
        const signatures = this.#signaturesOf(answer.body, note);
        this.#lastSize = tree.size;
        return signatures;
      }
      if (answer.status !== 409) throw this.#refusalOf(answer, oldSize);
      const theirs = sizeOf(answer);
      if (theirs === undefined || theirs === oldSize) {
        if (oldSize < tree.size) throw this.#unavailable("it answers 409 and no size");
        const detail = `it has cosigned another tree of ${String(tree.size)} entries`;
        throw new LogHalted("witness-differs", `the witness ${this.name}: ${detail}`);
      }
      if (theirs > tree.size) {
        const detail = `it has cosigned ${String(theirs)} entries, and here are ${String(tree.size)}`;
        throw new LogHalted("witness-ahead", `the witness ${this.name}: ${detail}`);
      }
      this.#lastSize = theirs;
    }
    throw this.#unavailable("it has another size each time that it is asked");
  }

  #refusalOf({ status, body }: Answer, oldSize: number): Error {
    const said = Buffer.from(body).toString().slice(0, 200).trim();
    // It knows the old size; so it is the old tree that is not ours.
    if (status === 422) {
      const detail = `the tree of ${String(oldSize)} entries that it has cosigned is not the beginning of ours: ${said}`;
      return new LogHalted("witness-differs", `the witness ${this.name}: ${detail}`);
    }
    const why =
      status === 404
        ? "it does not know the log's origin"
        : status === 403
          ? "it does not trust the log's key"
          : `it answers ${String(status)}`;
    return this.#unavailable(said === "" ? why : `${why}: ${said}`);
  }

  #signaturesOf(body: Uint8Array, note: Note): NoteSignature[] {
    const { key } = this.#witness;
    let signatures: NoteSignature[];
    try {
      signatures = parseCosignatures(body).filter(({ name, id }) => name === key.name && id === key.id);
      if (cosignedAt({ text: note.text, signatures }, key) === undefined) throw new Error("none is of its key");
    } catch (error) {
      throw this.#unavailable("its cosignature is not right", error);
    }
    return signatures;
  }

  async #post(oldSize: number, { note, prove, timeoutMs, signal }: WitnessRequest): Promise<Answer> {
    const body = formatAddCheckpoint({ oldSize, hashes: await prove(oldSize), checkpoint: formatNote(note) });
    const url = `${this.#witness.url.replace(/\/+$/, "")}/add-checkpoint`;
    try {
      const response = await fetch(url, {
        method: "POST",
        body: Buffer.from(body),
        headers: { "content-type": "text/plain; charset=utf-8" },
        redirect: "error",
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      return {
        status: response.status,
        type: response.headers.get("content-type") ?? "",
        body: await bounded(response),
      };
    } catch (error) {
      signal.throwIfAborted();
      const { cause } = error as { cause?: unknown };
      throw this.#unavailable(cause instanceof Error ? cause.message : String(error), error);
    }
  }

  #unavailable(detail: string, cause?: unknown): WitnessUnavailable {
    return new WitnessUnavailable(this.name, detail, { cause });
  }
}

async function bounded(response: Response): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    length += part.length;
    if (length > ANSWER_BYTES_MAX) throw new Error(`its answer has more than ${String(ANSWER_BYTES_MAX)} bytes`);
    parts.push(part as Uint8Array);
  }
  return Buffer.concat(parts);
}

/** The size in an answer of the status 409. */
function sizeOf({ type, body }: Answer): number | undefined {
  const text = Buffer.from(body).toString();
  if (!type.startsWith("text/x.tlog.size") || !/^(?:0|[1-9][0-9]{0,15})\n$/.test(text)) return undefined;
  const size = Number(text);
  return Number.isSafeInteger(size) ? size : undefined;
}
