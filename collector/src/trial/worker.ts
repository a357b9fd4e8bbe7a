/**
 * Threads that hold rules against units: so neither rules that take long to read nor much history keep the others waiting whom this
 * process answers. The program is one file where it is packaged, so a thread begins with whatever file this is in, and is told what it is
 * by its data.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { BlockError } from "@hosttrail/lib/block";
import type { RuleProblem } from "@hosttrail/proto/rule";
import { type FoundOnDay, type GivenRules, type TriedRule, TriedRules, type UnitJob } from "./rules.ts";

const NAME = "hosttrail-trial";
/** A segment at its largest takes some hundred MiB while it is read, and so do 10,000 rules. */
const HEAP_MAX_MIB = 1024;

interface Beginning {
  name: string;
  given: GivenRules;
}

/** What a thread says once it has read the rules. */
export interface ReadRules {
  rules: readonly TriedRule[];
  problems: readonly RuleProblem[];
  hasSieve: boolean;
}

type Job = { kind: "sieve"; bytes: Uint8Array } | ({ kind: "unit" } & UnitJob);
type Question = Job & { number: number };
type Answer =
  | ({ kind: "ready" } & ReadRules)
  | { kind: "sieve"; number: number; mayMatch: boolean }
  | { kind: "unit"; number: number; found: FoundOnDay[] }
  | { kind: "damaged"; number: number; reason: string };

function isBeginning(data: unknown): data is Beginning {
  return typeof data === "object" && data !== null && "name" in data && data.name === NAME;
}

if (!isMainThread && isBeginning(workerData)) {
  const tried = new TriedRules(workerData.given);
  const { rules, problems, hasSieve } = tried;
  const say = (answer: Answer): void => parentPort?.postMessage(answer);
  parentPort?.on("message", (question: Question) => say(answerTo(tried, question)));
  say({ kind: "ready", rules, problems, hasSieve });
}

function answerTo(tried: TriedRules, question: Question): Answer {
  const { number } = question;
  if (question.kind === "sieve") return { kind: "sieve", number, mayMatch: tried.mayMatch(question.bytes) };
  try {
    return { kind: "unit", number, found: tried.match(question) };
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    return { kind: "damaged", number, reason: error.message };
  }
}

/** The thread ended: what it was given may be why. */
export class ThreadError extends Error {
  override readonly name = "ThreadError";
}

/** The unit's bytes are not what they should be. */
export class DamagedError extends Error {
  override readonly name = "DamagedError";
}

interface Waiting {
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
}

/** One thread with the rules; several jobs may wait for it. */
export class TrialThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #ended: ThreadError | undefined;

  /** Wait for `ready` first. */
  constructor(given: GivenRules) {
    const beginning: Beginning = { name: NAME, given };
    this.#worker = new Worker(new URL(import.meta.url), {
      workerData: beginning,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MIB },
    });
    const failed = (error: unknown): void => {
      this.#ended ??= new ThreadError(`the thread ended: ${error instanceof Error ? error.message : String(error)}`);
      for (const { reject } of this.#waiting.values()) reject(this.#ended);
      this.#waiting.clear();
    };
    this.#worker
      .on("message", (answer: Answer) => this.#take(answer))
      .on("error", failed)
      .on("exit", (code) => failed(`it exited with ${code}`));
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  #take(answer: Answer): void {
    const number = answer.kind === "ready" ? 0 : answer.number;
    this.#waiting.get(number)?.resolve(answer);
    this.#waiting.delete(number);
  }

  #wait(number: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) reject(this.#ended);
      else this.#waiting.set(number, { resolve, reject });
    });
  }

  /** Call it once, at once. Throws a ThreadError where reading the rules ended the thread. */
  async ready(): Promise<ReadRules> {
    const answer = await this.#wait(0);
    if (answer.kind !== "ready") throw new Error(`a thread said ${answer.kind} instead of ready`);
    return answer;
  }

  async #ask(job: Job): Promise<Answer> {
    const number = this.#next++;
    const answer = this.#wait(number);
    // What comes from the database is a view on much more, all of which would be sent.
    const bytes = new Uint8Array(job.bytes);
    if (this.#ended === undefined)
      this.#worker.postMessage({ ...job, bytes, number } satisfies Question, [bytes.buffer]);
    return await answer;
  }

  async mayMatch(bytes: Uint8Array): Promise<boolean> {
    const answer = await this.#ask({ kind: "sieve", bytes });
    return answer.kind !== "sieve" || answer.mayMatch;
  }

  /** Throws a DamagedError, and a ThreadError where the job ended the thread. */
  async match(job: UnitJob): Promise<FoundOnDay[]> {
    const answer = await this.#ask({ kind: "unit", ...job });
    if (answer.kind === "damaged") throw new DamagedError(answer.reason);
    return answer.kind === "unit" ? answer.found : [];
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
