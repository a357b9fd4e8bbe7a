/** What answering may take. */

export interface Budget {
  timeMs: number;
  /** Of stored payloads that are read. */
  bytes: number;
  /** That are looked at. */
  events: number;
}

/** What was spent of a budget: by one scan, or by several that answer one question. */
export class Spending {
  readonly #budget: Budget;
  readonly #startMs = performance.now();
  #excusedMs = 0;
  #bytes = 0;
  #events = 0;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  add(events: number, bytes: number): void {
    this.#events += events;
    this.#bytes += bytes;
  }

  /** Time that was not spent on the question: its caller was waited for. */
  excuse(milliseconds: number): void {
    this.#excusedMs += milliseconds;
  }

  /** 1 and above: all of it. What of time, bytes and events is nearest to its end decides. */
  get share(): number {
    const { timeMs, bytes, events } = this.#budget;
    return Math.max(
      (performance.now() - this.#startMs - this.#excusedMs) / timeMs,
      this.#bytes / bytes,
      this.#events / events,
    );
  }
}
