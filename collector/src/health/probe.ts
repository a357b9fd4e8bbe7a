/** Something that roles need: it is asked whether it is there. */
import { setTimeout as sleep } from "node:timers/promises";

/** An answer holds so long, so that nobody who asks often makes work. */
const KEPT_MS = 1000;
/** Who says nothing for so long is away. */
const TIMEOUT_MS = 2000;

export class Probe {
  readonly name: string;
  readonly #ask: () => Promise<unknown>;
  readonly #bounds: { keptMs: number; timeoutMs: number };
  #asked: Promise<unknown> | undefined;
  #answer: Promise<boolean> | undefined;
  #answeredMs = -Infinity;

  /** `ask` throws where the thing is not there; what it gives is not looked at. */
  constructor(
    name: string,
    ask: () => Promise<unknown>,
    bounds: { keptMs: number; timeoutMs: number } = { keptMs: KEPT_MS, timeoutMs: TIMEOUT_MS },
  ) {
    this.name = name;
    this.#ask = ask;
    this.#bounds = bounds;
  }

  /** Never throws. */
  async look(): Promise<boolean> {
    const isFresh = performance.now() - this.#answeredMs < this.#bounds.keptMs;
    if (this.#answer === undefined || !isFresh) {
      this.#answeredMs = performance.now();
      this.#answer = this.#once();
    }
    return await this.#answer;
  }

  async #once(): Promise<boolean> {
    // One question at a time, however long it stays without an answer: they must not pile up behind a server that is away.
    this.#asked ??= this.#ask().finally(() => {
      this.#asked = undefined;
    });
    const timer = new AbortController();
    const late = sleep(this.#bounds.timeoutMs, false, { signal: timer.signal }).catch(() => false);
    const answer = this.#asked.then(
      () => true,
      () => false,
    );
    const isThere = await Promise.race([answer, late]);
    timer.abort();
    return isThere;
  }
}
