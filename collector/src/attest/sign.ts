/** Checkpoints of the log: signed by its key, cosigned by witnesses. */
import type { Logger } from "@hosttrail/lib/log";
import {
  type Checkpoint,
  formatCheckpoint,
  isQuorum,
  type Note,
  openCheckpoint,
  type Policy,
  proveConsistency,
  type ReadTile,
  rootOf,
  signNote,
  type TreeHead,
  type VerifierKey,
  witnessesOf,
} from "@hosttrail/lib/tlog";
import type { LogSigner } from "../signer/index.ts";
import { LogHalted, TermLost } from "./halt.ts";
import type { AnchorStore } from "./ports.ts";
import { WitnessClient } from "./witness.ts";

export interface CosignOptions {
  signer: LogSigner;
  policy: Policy | undefined;
  witnessTimeoutMs: number;
}

export class Checkpoints {
  readonly #options: CosignOptions;
  readonly #clients: readonly WitnessClient[];
  readonly #logger: Logger;

  constructor(options: CosignOptions, logger: Logger) {
    this.#options = options;
    this.#clients = (options.policy?.witnesses ?? [])
      .filter(({ url }) => url !== "")
      .map((each) => new WitnessClient(each));
    this.#logger = logger;
  }

  /** The checkpoint of a tree, with the log's signature alone. The same tree gives the same bytes. */
  sign({ size, root }: TreeHead): Note {
    const { key, sign } = this.#options.signer;
    const checkpoint: Checkpoint = { origin: key.name, size, root, extensions: [] };
    const text = formatCheckpoint(checkpoint);
    return { text, signatures: [signNote(text, key, sign)] };
  }

  /**
   * Asks all witnesses at once. Gives the note with their cosignatures, and whether these are what the policy wants. Throws a LogHalted
   * where one of them has seen another log.
   */
  async cosign(tree: TreeHead, readTile: ReadTile, signal: AbortSignal): Promise<{ note: Note; isEnough: boolean }> {
    const { policy, witnessTimeoutMs: timeoutMs } = this.#options;
    const signed = this.sign(tree);
    if (policy === undefined) return { note: signed, isEnough: true };
    const prove = (oldSize: number): Promise<Uint8Array[]> => proveConsistency(oldSize, tree.size, readTile);
    const asked = await Promise.allSettled(
      this.#clients.map((client) => client.cosign({ note: signed, tree, prove, timeoutMs, signal })),
    );
    const cosignatures = asked.flatMap((answer) => {
      if (answer.status === "fulfilled") return answer.value;
      if (answer.reason instanceof LogHalted) throw answer.reason;
      signal.throwIfAborted();
      this.#logger.warn({ error: String(answer.reason) }, "a witness does not cosign");
      return [];
    });
    const note = { text: signed.text, signatures: [...signed.signatures, ...cosignatures] };
    const names = new Set(witnessesOf(policy, note).map(({ name }) => name));
    return { note, isEnough: isQuorum(policy, names) };
  }
}

/**
 * Compares the log with its newest checkpoint at the other place, and puts the present one there. Throws a LogHalted where that one is
 * of a longer or of another log, a TermLost where another process is ahead.
 */
export async function anchor(
  store: AnchorStore,
  logId: string,
  key: VerifierKey,
  tree: TreeHead,
  readTile: ReadTile,
  signed: Uint8Array | undefined,
): Promise<void> {
  const there = await store.read(logId);
  if (there !== undefined) {
    const anchored = openAnchor(there.note, key);
    if (anchored.size > tree.size) {
      const sizes = `${String(anchored.size)} entries were signed, and the database has ${String(tree.size)}`;
      throw new LogHalted("database-older", sizes);
    }
    const root = anchored.size === tree.size ? tree.root : await rootOf(anchored.size, tree.size, readTile);
    if (Buffer.compare(root, anchored.root) !== 0) {
      throw new LogHalted("database-differs", `another tree of ${String(anchored.size)} entries was signed`);
    }
    if (anchored.size === tree.size) return;
  }
  if (signed === undefined) return;
  const isOurs = await store.replace(logId, { note: signed, sequence: there?.sequence ?? 0 });
  if (!isOurs) throw new TermLost("another process has told of a checkpoint");
}

function openAnchor(note: Uint8Array, key: VerifierKey): TreeHead {
  try {
    return openCheckpoint(note, [key]).checkpoint;
  } catch (error) {
    throw new LogHalted("anchor-foreign", `JetStream has a checkpoint that this key did not sign: ${String(error)}`, {
      cause: error,
    });
  }
}
