/**
 * A thread that merges: to make every block again takes much longer than a host may wait for *received*. The program is one file where
 * it is packaged, so the thread begins with whatever file this is in, and is told what it is by its data.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { compact, type Job, type Made } from "./job.ts";

const NAME = "hosttrail-compact";
/** A segment at its largest takes some 600 MiB while it is made. */
const HEAP_MAX_MIB = 1024;

type Answer = { made: Made[] } | { error: string };

if (!isMainThread && workerData === NAME) {
  parentPort?.on("message", (job: Job) => {
    let answer: Answer;
    try {
      answer = { made: compact(job) };
    } catch (error) {
      answer = { error: error instanceof Error ? error.message : String(error) };
    }
    parentPort?.postMessage(answer);
  });
}

/** The thread ended while it worked: what it was given may be why. */
export class WorkerError extends Error {
  override readonly name = "WorkerError";
}

/** One job at a time. */
export class CompactWorker {
  #worker: Worker | undefined;

  /** Throws an Error where the job cannot be done, and a WorkerError where it ended the thread. */
  async run(job: Job): Promise<Made[]> {
    const worker = (this.#worker ??= new Worker(new URL(import.meta.url), {
      workerData: NAME,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MIB },
    }));
    const answer = await new Promise<Answer>((resolve, reject) => {
      const failed = (error: unknown): void => {
        done();
        this.#worker = undefined;
        reject(new WorkerError(`merging ended: ${error instanceof Error ? error.message : String(error)}`));
      };
      const exited = (code: number): void => failed(`the thread ended with ${code}`);
      const answered = (message: Answer): void => {
        done();
        resolve(message);
      };
      const done = (): void => {
        worker.off("message", answered).off("error", failed).off("exit", exited);
      };
      worker.on("message", answered).on("error", failed).on("exit", exited);
      worker.postMessage(job);
    });
    if ("error" in answer) throw new Error(answer.error);
    return answer.made;
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }
}
