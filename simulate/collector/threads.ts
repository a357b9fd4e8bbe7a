/** Stands in for node:worker_threads: a thread that merges takes a while, and sometimes ends for want of memory. */
import { EventEmitter } from "node:events";
import { presentSchedule, runningProcess, type SimulatedProcess } from "../schedule/index.ts";
import { presentChance } from "../clock/index.ts";

export const isMainThread = true;
export const parentPort: null = null;
export const workerData: undefined = undefined;

/** As collector/src/compact/worker.ts names its thread. */
const COMPACT = "hosttrail-compact";
const WORK_MS = 50;
/** Share of jobs that end their thread. */
let failing = 0;

export function setThreadsFailing(share: number): void {
  failing = share;
}

/** Plain data in, plain data out. */
type Merge = (job: never) => unknown;
let merge: Merge = () => {
  throw new Error("nobody told simulated threads how to merge");
};

/** What collector/src/compact/job.ts does; handed in, since it is what imports this. */
export function setMerge(run: Merge): void {
  merge = run;
}

export class Worker extends EventEmitter {
  readonly #process: SimulatedProcess = runningProcess();
  #isOver = false;

  constructor(_url: URL, { workerData: name }: { workerData: unknown }) {
    super();
    if (name !== COMPACT) throw new Error(`no simulated thread does ${String(name)}`);
  }

  postMessage(job: unknown): void {
    // What a thread is given is a copy.
    const copy = structuredClone(job);
    presentSchedule.now.after(presentChance.now.between(1, WORK_MS), this.#process, "", () => this.#work(copy));
  }

  #work(job: unknown): void {
    if (this.#isOver) return;
    if (presentChance.now.chance(failing)) {
      this.#isOver = true;
      this.emit("exit", 134);
      return;
    }
    let answer: object;
    try {
      answer = { made: merge(job as never) };
    } catch (error) {
      answer = { error: error instanceof Error ? error.message : String(error) };
    }
    this.emit("message", structuredClone(answer));
  }

  terminate(): Promise<number> {
    this.#isOver = true;
    return Promise.resolve(0);
  }
}
