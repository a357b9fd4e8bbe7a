/** A log's place in memory whose process can die at any call, before or after it had its effect. For tests. */
import type { Drop, HostChains, LegalHold, LogAnchor, LogCommit, LoggedNote, PublishedLog } from "../model/index.ts";
import type { AnchorStore, HeadSource, LogArchive } from "./ports.ts";

/** What outlives a process. */
export class Kept {
  commits: Map<number, LogCommit> = new Map();
  batches: Map<string, Uint8Array> = new Map();
  files: Map<string, Uint8Array> = new Map();
  published: Map<number, PublishedLog> = new Map();
  notes: Map<string, LoggedNote> = new Map();
  anchor: LogAnchor | undefined;
  chains: HostChains[] = [];
  drops: Map<string, Drop> = new Map();
  holds: LegalHold[] = [];

  copy(): Kept {
    return Object.assign(new Kept(), structuredClone(Object.fromEntries(Object.entries(this))));
  }
}

/** What a process does with it, until it dies. */
export class Process {
  calls = 0;
  isDead = false;
  readonly #kept: Kept;
  readonly #dieAt: number;
  readonly #died: () => void;

  /** Dies at the call of this number, every other time after it had its effect. */
  constructor(kept: Kept, dieAt: number, died: () => void) {
    this.#kept = kept;
    this.#dieAt = dieAt;
    this.#died = died;
  }

  async #call<Value>(act: () => Value): Promise<Value> {
    await Promise.resolve();
    if (this.isDead) throw new Error("this process is dead");
    const isLast = ++this.calls === this.#dieAt;
    const value = isLast && this.#dieAt % 2 === 0 ? undefined : act();
    if (!isLast) return value as Value;
    this.isDead = true;
    this.#died();
    throw new Error("this process died");
  }

  readonly archive: LogArchive = {
    newestCommit: () => this.#call(() => this.#kept.commits.get(this.#kept.commits.size)),
    getCommit: (_, number) => this.#call(() => this.#kept.commits.get(number)),
    tryCommit: (_, commit) =>
      this.#call(() => {
        if (this.#kept.commits.has(commit.number)) return false;
        this.#kept.commits.set(commit.number, commit);
        return true;
      }),
    putBatch: (id, bytes) =>
      this.#call(() => {
        this.#kept.batches.set(id, bytes);
        return 1;
      }),
    getBatch: ({ batchId }) => this.#call(() => this.#kept.batches.get(batchId)),
    removeBatch: ({ batchId }) => this.#call(() => void this.#kept.batches.delete(batchId)),
    putFiles: async (_, files) => {
      for (const file of files) await this.#call(() => this.#putFile(file));
    },
    getFile: (_, path) => this.#call(() => this.#kept.files.get(path)),
    removeFiles: async (_, paths) => {
      for (const path of paths) await this.#call(() => this.#kept.files.delete(path));
    },
    getPublished: (_, number) => this.#call(() => this.#kept.published.get(number)),
    putPublished: (_, published) =>
      this.#call(() => {
        if (!this.#kept.published.has(published.number)) this.#kept.published.set(published.number, published);
      }),
    putNotes: (_, notes) =>
      this.#call(() => {
        for (const note of notes) if (!this.#kept.notes.has(note.id)) this.#kept.notes.set(note.id, note);
      }),
    getNotes: (_, ids) =>
      this.#call(() => {
        return new Map(
          ids.flatMap((id): [string, LoggedNote][] => {
            const note = this.#kept.notes.get(id);
            return note === undefined ? [] : [[id, note]];
          }),
        );
      }),
  };

  #putFile({ path, bytes }: { path: string; bytes: Uint8Array }): void {
    const there = this.#kept.files.get(path);
    if (there !== undefined && Buffer.compare(there, bytes) !== 0) throw new Error(`${path} differs`);
    this.#kept.files.set(path, bytes);
  }

  readonly anchors: AnchorStore = {
    read: () => this.#call(() => this.#kept.anchor),
    replace: (_, { note, sequence }) =>
      this.#call(() => {
        if ((this.#kept.anchor?.sequence ?? 0) !== sequence) return false;
        this.#kept.anchor = { note, sequence: sequence + 1 };
        return true;
      }),
  };

  readonly source: HeadSource = {
    listChains: (afterId, limit) =>
      this.#call(() => this.#kept.chains.filter(({ hostId }) => hostId > afterId).slice(0, limit)),
    listUnloggedDrops: (limit) => this.#call(() => [...this.#kept.drops.values()].slice(0, limit)),
    markLogged: (ids) =>
      this.#call(() => {
        for (const id of ids) this.#kept.drops.delete(id);
      }),
    listHolds: () => this.#call(() => this.#kept.holds),
  };
}
