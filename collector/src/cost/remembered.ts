/** What one question for all hosts reads once: its first page reads it anew, and the pages that follow have the same for a while. */

const KEEP_MS = 60_000;

export class Remembered<Value> {
  readonly #read: () => Promise<Value>;
  #reading: Promise<Value> | undefined;

  constructor(read: () => Promise<Value>) {
    this.#read = read;
  }

  forget(): void {
    this.#reading = undefined;
  }

  /** Throws what reading throws; it is tried again then. */
  async get(isFirst: boolean): Promise<Value> {
    if (!isFirst && this.#reading !== undefined) return await this.#reading;
    const reading = this.#read();
    this.#reading = reading;
    const forget = (): void => {
      if (this.#reading === reading) this.#reading = undefined;
    };
    try {
      const value = await reading;
      setTimeout(forget, KEEP_MS).unref();
      return value;
    } catch (error) {
      forget();
      throw error;
    }
  }
}
