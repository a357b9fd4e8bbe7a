/**
 * Memory for blocks on their way from agents to JetStream, of all streams of this process together. Each stream's credit bounds its own; where
 * JetStream takes nothing, thousands of them would be more than a process has.
 */
interface Waiter {
  bytes: number;
  enter: (isIn: boolean) => void;
}

export class Room {
  readonly #bytesMax: number;
  #bytes = 0;
  /** By stream, in the order of their turns: one that has much waiting keeps nobody out. */
  readonly #waiting = new Map<object, Waiter[]>();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes that are in it. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the bytes are in at once, and without a wait. A block that is larger than the room goes in when it is empty. */
  tryEnter(bytes: number): boolean {
    if (this.#waiting.size > 0 || !this.#fits(bytes)) return false;
    this.#bytes += bytes;
    return true;
  }

  /** Waits for room; false where the stream gave up meanwhile. */
  enter(stream: object, bytes: number): Promise<boolean> {
    if (this.tryEnter(bytes)) return Promise.resolve(true);
    return new Promise((enter) => {
      const own = this.#waiting.get(stream);
      if (own === undefined) this.#waiting.set(stream, [{ bytes, enter }]);
      else own.push({ bytes, enter });
    });
  }

  leave(bytes: number): void {
    this.#bytes -= bytes;
    this.#letIn();
  }

  /** What the stream has waiting is wanted no more. */
  giveUp(stream: object): void {
    const own = this.#waiting.get(stream);
    if (own === undefined) return;
    this.#waiting.delete(stream);
    for (const { enter } of own) enter(false);
    this.#letIn();
  }

  #fits(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#bytesMax;
  }

  #letIn(): void {
    for (const [stream, own] of this.#waiting) {
      const [first] = own;
      if (first === undefined || !this.#fits(first.bytes)) return;
      // Its next one comes after those of others.
      this.#waiting.delete(stream);
      own.shift();
      if (own.length > 0) this.#waiting.set(stream, own);
      this.#bytes += first.bytes;
      first.enter(true);
    }
  }
}
