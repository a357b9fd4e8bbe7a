/** A process that simulates one world after the other, and whoever starts it. */
import { type ChildProcess, fork } from "node:child_process";
import type { Report } from "./report.ts";

/** Which seeds: `first`, and each `step` after it, below `end`. */
export interface Job {
  first: number;
  step: number;
  end: number;
  /** Name of the fault that is planted, or empty. */
  planted: string;
  isTraced?: boolean;
}

const WORKER = new URL("worker.ts", import.meta.url);
/** Processor time of a simulation is mostly garbage's: a larger young generation halves it. */
const ARGUMENTS = ["--max-semi-space-size=64", "--disable-warning=ExperimentalWarning"];

/** Worlds of one process. What ended as if killed leaves promises and signals behind that Node keeps: some megabytes for each world. */
const WORLDS_MAX = 100;

/**
 * Runs a job in processes of its own, one after the other; `take` gives false where it has seen enough. Throws an Error where a process ends
 * before it is done.
 */
export async function runJob(job: Job, take: (report: Report) => boolean): Promise<void> {
  const stride = job.step * WORLDS_MAX;
  for (let { first } = job; first < job.end; first += stride)
    if (!(await runWorker({ ...job, first, end: Math.min(first + stride, job.end) }, take))) return;
}

/** False where enough was seen. */
async function runWorker(job: Job, take: (report: Report) => boolean): Promise<boolean> {
  const worker: ChildProcess = fork(WORKER, [JSON.stringify(job)], { execArgv: ARGUMENTS });
  let isEnough = false;
  const code = await new Promise<number | null>((resolve, reject) => {
    worker.once("exit", resolve);
    worker.once("error", reject);
    worker.on("message", (report: Report) => {
      if (isEnough) return;
      try {
        isEnough = !take(report);
      } catch (error) {
        isEnough = true;
        reject(error);
      }
      worker.send(isEnough ? "end" : "next");
    });
  });
  if (code !== 0) throw new Error(`a process that simulates ended with ${code}: see above`);
  return !isEnough;
}
