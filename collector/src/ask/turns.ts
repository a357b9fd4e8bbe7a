/** How many questions are answered at once, and whose turn is next: no caller can keep others waiting by asking much. */
import { type ServiceError, status } from "@grpc/grpc-js";
import { metrics } from "../metrics/index.ts";
import { serviceError, type Visit } from "../serve/index.ts";

/** Questions that wait, of all callers and of each, at most, and how long: then the caller is told to come again. */
const WAITING_MAX = 1024;
const WAITING_EACH_MAX = 256;
const WAIT_MAX_MS = 30_000;
const RETRY_DELAY_MS = 1000;

interface Waiting {
  caller: string;
  begin(): void;
}

export interface TurnsOptions {
  /** Questions that are answered at once; of one caller half as many, so that there is always room for another one. */
  runningMax: number;
  waitMaxMs?: number;
}

export class Turns {
  readonly #runningMax: number;
  readonly #eachMax: number;
  readonly #waitMaxMs: number;
  /** By caller; nobody is in it who has none. */
  readonly #running = new Map<string, number>();
  #runningAll = 0;
  /** Whoever came first is first. */
  #waiting: Waiting[] = [];

  constructor({ runningMax, waitMaxMs = WAIT_MAX_MS }: TurnsOptions) {
    this.#runningMax = runningMax;
    this.#eachMax = Math.max(1, Math.ceil(runningMax / 2));
    this.#waitMaxMs = waitMaxMs;
  }

  /**
   * Answers when it is the caller's turn. Throws a ServiceError where too many wait already, where the turn does not come in time, and
   * where the caller goes away before it comes.
   */
  async take<Answer>({ caller }: Visit, signal: AbortSignal, answer: () => Promise<Answer>): Promise<Answer> {
    await this.#turnOf(caller.name, signal);
    try {
      return await answer();
    } finally {
      this.#give(caller.name);
    }
  }

  async #turnOf(caller: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw leftError();
    if (this.#isFree(caller)) {
      this.#begin(caller);
      return;
    }
    const own = this.#waiting.filter((each) => each.caller === caller).length;
    if (own >= WAITING_EACH_MAX) throw refusal("full", `${own} questions of ${caller} wait for their turn already`);
    if (this.#waiting.length >= WAITING_MAX)
      throw refusal("full", `${this.#waiting.length} questions wait for their turn already`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = { caller, begin: resolve };
    this.#waiting.push(waiting);
    const leave = (error: ServiceError): void => {
      this.#waiting = this.#waiting.filter((each) => each !== waiting);
      reject(error);
    };
    const gone = (): void => leave(leftError());
    const late = (): void =>
      leave(refusal("late", `too many questions are asked here: none ended within ${this.#waitMaxMs / 1000} s`));
    const timer = setTimeout(late, this.#waitMaxMs);
    signal.addEventListener("abort", gone, { once: true });
    this.#tell();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", gone);
      this.#tell();
    }
  }

  #isFree(caller: string): boolean {
    return this.#runningAll < this.#runningMax && this.#runningOf(caller) < this.#eachMax;
  }

  #runningOf(caller: string): number {
    return this.#running.get(caller) ?? 0;
  }

  #begin(caller: string): void {
    this.#running.set(caller, this.#runningOf(caller) + 1);
    this.#runningAll++;
    this.#tell();
  }

  #give(caller: string): void {
    const left = this.#runningOf(caller) - 1;
    if (left > 0) this.#running.set(caller, left);
    else this.#running.delete(caller);
    this.#runningAll--;
    this.#beginNext();
    this.#tell();
  }

  /** Of those who wait, whoever has the fewest questions running; of these the one who came first. */
  #beginNext(): void {
    let next: Waiting | undefined;
    for (const each of this.#waiting) {
      if (!this.#isFree(each.caller)) continue;
      if (next === undefined || this.#runningOf(each.caller) < this.#runningOf(next.caller)) next = each;
    }
    if (next === undefined) return;
    const chosen = next;
    this.#waiting = this.#waiting.filter((each) => each !== chosen);
    this.#begin(chosen.caller);
    chosen.begin();
  }

  #tell(): void {
    metrics.queriesRunning.set(this.#runningAll);
    metrics.queriesWaiting.set(this.#waiting.length);
  }
}

function refusal(reason: "full" | "late", message: string): ServiceError {
  metrics.queriesRefused.inc({ reason });
  return serviceError(
    status.RESOURCE_EXHAUSTED,
    "TOO_MANY_QUESTIONS",
    `${message}; ask again later`,
    {},
    RETRY_DELAY_MS,
  );
}

function leftError(): ServiceError {
  return serviceError(status.CANCELLED, "CALLER_LEFT", "the caller ended the call");
}
