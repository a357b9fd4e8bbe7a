/** Gives up on events that wait for records in vain, and asks only while some wait. */

/** What holds events that wait. */
interface Waiting {
  readonly waiting: number;
  expire(nowMs: number): void;
}

/** How often in an event's deadline it is looked at. */
const SHARE = 8;

export class Expiry {
  readonly #reassembler: Waiting;
  readonly #intervalMs: number;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = 0;
  #wasHeldUp = false;

  constructor(reassembler: Waiting, timeoutMs: number) {
    this.#reassembler = reassembler;
    this.#intervalMs = timeoutMs / SHARE;
  }

  /** A record waits. */
  watch(): void {
    if (this.#timer === undefined) this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    this.#dueMs = performance.now() + this.#intervalMs;
    this.#timer = setTimeout(() => this.#look(), this.#intervalMs);
  }

  #look(): void {
    const nowMs = performance.now();
    // Where this process was held up, as by a disk that is full, the rest of an event came meanwhile and is not read yet: timers have their
    // turn before what is to be read.
    const isHeldUp = nowMs - this.#dueMs >= this.#intervalMs && !this.#wasHeldUp;
    this.#wasHeldUp = isHeldUp;
    if (!isHeldUp) this.#reassembler.expire(nowMs);
    if (this.#reassembler.waiting > 0) this.#schedule();
    else this.#timer = undefined;
  }
}
