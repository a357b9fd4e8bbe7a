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
  readonly #hasUnread: () => boolean;
  readonly #intervalMs: number;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = 0;
  #wasHeldUp = false;

  /** `hasUnread`: whether there are records that the reassembler was not given yet; what it waits for may be among them. */
  constructor(reassembler: Waiting, timeoutMs: number, hasUnread: () => boolean) {
    this.#reassembler = reassembler;
    this.#hasUnread = hasUnread;
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
    if (!isHeldUp && !this.#hasUnread()) this.#reassembler.expire(nowMs);
    if (this.#reassembler.waiting > 0) this.#schedule();
    else this.#timer = undefined;
  }
}
