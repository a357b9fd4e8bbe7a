/** So many threads, shared by all scans of a process. */
import { BlockError } from "@hosttrail/lib/block";
import type { Unit } from "../history/index.ts";
import { type Asking, type Lent, Line, type UnitJob } from "./line.ts";
import { ScanThread, type ThreadFound, ThreadError, type ThreadJob } from "./worker.ts";

/** Units that are fetched while a thread works, for each thread. */
const SLOTS_EACH = 2;
/** Units that wait and are not lent to other processes, for each thread: they are its next ones. */
const KEPT_EACH = 1;

/** Has other processes read what waits here. */
export interface Lender {
  /** Units that they would read beside this process. Where that is not known, it is found out for the next time. */
  readonly unitsMax: number;
  /** Something waits that may be lent. */
  waiting(): void;
}

export interface PoolFound extends ThreadFound {
  readMs: number;
  /** Time that another process was waited for, which read it; then there is no payload here. Undefined where this one read it. */
  elsewhereMs: number | undefined;
  /** True where another process was asked, in vain. */
  isReturned: boolean;
}

export class ScanPool {
  readonly #threads: (ScanThread | undefined)[];
  readonly #idle: number[] = [];
  readonly #waitingThread: ((index: number) => void)[] = [];
  readonly #line: Line;
  #isClosed = false;
  /** Nothing is lent where there is none. */
  lender: Lender | undefined;

  constructor(threads: number) {
    this.#threads = Array.from({ length: threads }, () => undefined);
    this.#idle.push(...this.#threads.keys());
    this.#line = new Line(threads * SLOTS_EACH, threads * KEPT_EACH);
  }

  /** Begins all threads, so that nobody waits for one to begin. */
  start(): void {
    for (const index of this.#threads.keys()) this.#threadAt(index);
  }

  /** False while no thread has begun: what is asked then is quicker done by oneself. */
  get isReady(): boolean {
    return this.#threads.some((thread) => thread?.isReady === true && !thread.hasEnded);
  }

  get threads(): number {
    return this.#threads.length;
  }

  /** True where units of this process wait for room. */
  get isWaiting(): boolean {
    return this.#line.isWaiting;
  }

  /** Takes up to so many units of one question from the end of the line, for another process. */
  lend(unitsMax: number): Lent[] {
    return this.#line.lend(unitsMax);
  }

  /**
   * Fetches a unit's payload and looks for events in it. Throws what fetching throws, a BlockError where the unit is damaged, and the
   * signal's reason where that ended the wait.
   */
  async find(job: UnitJob, fetch: () => Promise<Uint8Array>, asking: Asking = {}): Promise<PoolFound> {
    const turn = await this.#line.turn(job, asking, () => {
      if (asking.mayLend === true) this.lender?.waiting();
    });
    if (typeof turn !== "string")
      return { ...turn.found, payload: undefined, elsewhereMs: turn.waitedMs, isReturned: false };
    const isReturned = turn === "slot-returned";
    try {
      const startMs = performance.now();
      // What comes from the database is a view on much more, all of which would be sent.
      const bytes = new Uint8Array(await fetch());
      const readMs = performance.now() - startMs;
      return {
        ...(await this.#run({ ...job, unit: bare(job.unit), bytes })),
        readMs,
        elsewhereMs: undefined,
        isReturned,
      };
    } finally {
      this.#line.give();
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
