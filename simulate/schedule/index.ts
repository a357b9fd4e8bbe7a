/**
 * One thread of simulated time for all processes. Whatever a process waits for is a task here, and the seed says in which order those that are
 * due at one time come. After each task all promises that it settled have run before the next one begins, so that nothing else
 * decides an order, as long as nobody waits for anything real.
 */
import { isRunning, Present, runningProcess, setRunning } from "./current.ts";
import { Killed, type SimulatedProcess } from "./process.ts";
import { type Due, DueQueue } from "./queue.ts";
import type { Random } from "./random.ts";

export { isRunning, Present, runningProcess } from "./current.ts";
export { Killed, type Machine, SimulatedProcess } from "./process.ts";
export { Random } from "./random.ts";

/** Where the simulation begins, milliseconds since 1970: nothing depends on the day on which it runs. */
export const START_MS: number = Date.UTC(2026, 2, 14, 21, 0, 0);
/** Steps of a whole seed, at most: beyond it something goes round in circles. */
const STEPS_MAX = 3_000_000;
const TRACE_LINES_MAX = 200_000;

const immediate = setImmediate;

interface Task extends Due {
  process: SimulatedProcess | undefined;
  what: string;
  run: (() => void) | undefined;
}

/** A task that can be taken back. */
export interface Scheduled {
  cancel(): void;
}

/** A process ended by an error that nobody took: our own mistake, or the product's. */
export interface Uncaught {
  process: string;
  error: unknown;
}

export class Schedule {
  readonly #random: Random;
  readonly #tasks = new DueQueue<Task>();
  readonly #trace: string[] | undefined;
  readonly uncaught: Uncaught[] = [];
  /** What came for processes while they were stalled, in its order. */
  readonly #late = new Map<SimulatedProcess, Task[]>();
  /** The true time, milliseconds since the simulation began. */
  nowMs = 0;
  steps = 0;
  /** Of all that happened, in its order: two runs of a seed must agree. */
  fingerprint = 0;

  constructor(random: Random, isTraced: boolean) {
    this.#random = random;
    this.#trace = isTraced ? [] : undefined;
  }

  /** What happened, line by line; empty unless traced. */
  get trace(): readonly string[] {
    return this.#trace ?? [];
  }

  get isTraced(): boolean {
    return this.#trace !== undefined;
  }

  /** Notes what happens, for whoever replays the seed. */
  note(who: string, what: string): void {
    this.#mark(what);
    if (this.#trace === undefined || this.#trace.length >= TRACE_LINES_MAX) return;
    this.#trace.push(`${(this.nowMs / 1000).toFixed(3).padStart(10)} ${who.padEnd(14)} ${what}`);
  }

  /** Runs it after a while, as a part of a process, if that lives by then; of the world itself where there is none. */
  after(delayMs: number, process: SimulatedProcess | undefined, what: string, run: () => void): Scheduled {
    const task: Task = { timeMs: this.nowMs + Math.max(0, delayMs), lot: this.#random.word(), process, what, run };
    this.#tasks.add(task);
    return {
      cancel: () => {
        task.run = undefined;
      },
    };
  }

  /** Waits as a part of the world. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, undefined, "", resolve));
  }

  /** Goes on until then, or until `isDone`. Throws an Error where it goes round in circles. */
  async runUntil(timeMs: number, isDone: () => boolean = () => false): Promise<void> {
    process.on("unhandledRejection", this.#failed);
    try {
      for (;;) {
        const next = this.#tasks.first;
        if (next === undefined || next.timeMs > timeMs || isDone()) break;
        this.#tasks.take();
        await this.#step(next);
      }
      if (!isDone()) this.nowMs = Math.max(this.nowMs, timeMs);
    } finally {
      process.off("unhandledRejection", this.#failed);
    }
  }

  async #step(task: Task): Promise<void> {
    const { run, process } = task;
    if (run === undefined || process?.isAlive === false) return;
    this.nowMs = Math.max(this.nowMs, task.timeMs);
    if (process !== undefined && this.#isStalled(process)) {
      this.#putOff(process, task);
      return;
    }
    if (++this.steps > STEPS_MAX) throw new Error(`the simulation takes more than ${STEPS_MAX} steps: ${task.what}`);
    if (task.what !== "") this.note(process?.name ?? "world", task.what);
    await this.run(process, run);
  }

  #isStalled(process: SimulatedProcess): boolean {
    return process.stalledUntilMs > this.nowMs || this.#late.has(process);
  }

  /** Whatever comes meanwhile is found when it goes on, in its order. */
  #putOff(process: SimulatedProcess, task: Task): void {
    const late = this.#late.get(process);
    if (late !== undefined) {
      late.push(task);
      return;
    }
    const tasks = [task];
    this.#late.set(process, tasks);
    const goOn = (): void => {
      const restMs = process.stalledUntilMs - this.nowMs;
      if (restMs > 0) {
        this.after(restMs, undefined, "", goOn);
        return;
      }
      this.#late.delete(process);
      for (const [at, each] of tasks.entries()) this.#tasks.add(Object.assign(each, { timeMs: this.nowMs, lot: at }));
    };
    this.after(process.stalledUntilMs - this.nowMs, undefined, "", goOn);
  }

  /** Runs it now as a part of a process, and all that follows from it at once. */
  async run(process: SimulatedProcess | undefined, run: () => void): Promise<void> {
    setRunning(process);
    try {
      run();
    } catch (error) {
      this.#failed(error);
    }
    await new Promise<void>((resolve) => void immediate(resolve));
    setRunning(undefined);
  }

  readonly #failed = (error: unknown): void => {
    if (error instanceof Killed) return;
    this.uncaught.push({ process: isRunning() ? runningProcess().name : "world", error });
  };

  #mark(text: string): void {
    let hash = this.fingerprint ^ Math.floor(this.nowMs * 1000);
    for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
    this.fingerprint = hash >>> 0;
  }
}

/** The schedule of the world that is simulated now. */
export const presentSchedule: Present<Schedule> = new Present("schedule");
