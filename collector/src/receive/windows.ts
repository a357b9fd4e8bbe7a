/**
 * Memory for what is kept of streams, so that small blocks can be compressed after those before them; of all streams of this process together.
 * Each stream has the whole window while many more could have it too, and half of it, a quarter and so on when there is less left: a process with
 * thousands of agents takes no more than it was given, at some more bytes on the wire.
 */

/** While so many further streams would find room for a window, it is not made smaller. */
const STREAMS_TO_COME = 2048;
/** Less is of no use: a block would not be in it. Beyond the bound each stream still has so much. */
const WINDOW_BYTES_MIN = 2048;

export class Windows {
  readonly #windowBytesMax: number;
  readonly #memoryBytesMax: number;
  #bytes = 0;

  constructor(windowBytesMax: number, memoryBytesMax: number) {
    this.#windowBytesMax = windowBytesMax;
    this.#memoryBytesMax = memoryBytesMax;
  }

  /** Bytes that open streams may keep. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes that a new stream may keep, until they are given back; 0 where none may. */
  take(): number {
    const left = this.#memoryBytesMax - this.#bytes;
    let bytes = this.#windowBytesMax;
    while (bytes * STREAMS_TO_COME > left && bytes / 2 >= WINDOW_BYTES_MIN) bytes = Math.floor(bytes / 2);
    this.#bytes += bytes;
    return bytes;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
  }
}
