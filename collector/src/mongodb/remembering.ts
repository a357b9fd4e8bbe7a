/** What never changes once it was read, by name. What could not be read is read again when it is asked for next. */
export class Remembering<Value> {
  readonly #read: (name: string) => Promise<Value>;
  readonly #known = new Map<string, Promise<Value>>();

  constructor(read: (name: string) => Promise<Value>) {
    this.#read = read;
  }

  /** Who asks while it is being read waits for the same. Throws as the reading does. */
  async get(name: string): Promise<Value> {
    const reading = this.#known.get(name) ?? this.#read(name);
    this.#known.set(name, reading);
    try {
      return await reading;
    } catch (error) {
      if (this.#known.get(name) === reading) this.#known.delete(name);
      throw error;
    }
  }
}
