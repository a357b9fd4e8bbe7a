/** So many threads, shared by all scans of a process. */
import { BlockError } from "@hosttrail/lib/block";
import type { Unit } from "../history/index.ts";
import { ScanThread, type ThreadFound, ThreadError, type ThreadJob } from "./worker.ts";

/** Units that are fetched while a thread works, for each thread. */
const SLOTS_EACH = 2;

export class ScanPool {
  readonly #threads: (ScanThread | undefined)[];
  readonly #idle: number[] = [];
  readonly #waitingThread: ((index: number) => void)[] = [];
  #slots: number;
  readonly #waitingSlot: (() => void)[] = [];
  #isClosed = false;

  constructor(threads: number) {
    this.#threads = Array.from({ length: threads }, () => undefined);
    this.#idle.push(...this.#threads.keys());
    this.#slots = threads * SLOTS_EACH;
  }

  /** Begins all threads, so that nobody waits for one to begin. */
  start(): void {
    for (const index of this.#threads.keys()) this.#threadAt(index);
  }

  /** False while no thread has begun: what is asked then is quicker done by oneself. */
  get isReady(): boolean {
    return this.#threads.some((thread) => thread?.isReady === true && !thread.hasEnded);
  }

  /** Fetches a unit's payload and looks for events in it. Throws what fetching throws, and a BlockError where the unit is damaged. */
  async find(
    job: Omit<ThreadJob, "bytes">,
    fetch: () => Promise<Uint8Array>,
  ): Promise<ThreadFound & { readMs: number }> {
    await this.#takeSlot();
    try {
      const startMs = performance.now();
      // What comes from the database is a view on much more, all of which would be sent.
      const bytes = new Uint8Array(await fetch());
      const readMs = performance.now() - startMs;
      return { ...(await this.#run({ ...job, unit: bare(job.unit), bytes })), readMs };
    } finally {
      this.#giveSlot();
    }
  }

  async #run(job: ThreadJob): Promise<ThreadFound> {
    const index = this.#idle.pop() ?? (await this.#nextThread());
    try {
      return await this.#threadAt(index).find(job);
    } catch (error) {
      if (!(error instanceof ThreadError) || this.#isClosed) throw error;
      // A thread has one job at a time, so it was this one that ended it.
      const { place, id } = job.unit;
      throw new BlockError("SEGMENT_MALFORMED", `${place} ${id}`, `reading it ends a thread: ${error.message}`);
    } finally {
      const next = this.#waitingThread.shift();
      if (next === undefined) this.#idle.push(index);
      else next(index);
    }
  }

  #nextThread(): Promise<number> {
    return new Promise((resolve) => this.#waitingThread.push(resolve));
  }

  /** Anew where a unit ended it. */
  #threadAt(index: number): ScanThread {
    const known = this.#threads[index];
    if (known !== undefined && (!known.hasEnded || this.#isClosed)) return known;
    const thread = new ScanThread();
    this.#threads[index] = thread;
    return thread;
  }

  async #takeSlot(): Promise<void> {
    if (this.#slots > 0) this.#slots--;
    else await new Promise<void>((resolve) => this.#waitingSlot.push(resolve));
  }

  #giveSlot(): void {
    const next = this.#waitingSlot.shift();
    if (next === undefined) this.#slots++;
    else next();
  }

  /** What is under way fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const thread of this.#threads) await thread?.close();
  }
}

const NO_BYTES = new Uint8Array(0);

/** Without what is not needed to open it. */
function bare(unit: Unit): Unit {
  const { from } = unit;
  return "arrival" in from ? { ...unit, from: { arrival: { ...from.arrival, bytes: NO_BYTES } } } : unit;
}
