/** A list of u32 numbers that is filled, written and emptied again and again without new memory. */
export class U32List {
  #values = new Uint32Array(256);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Uint32Array(this.#values.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  /** The values; a view that the next push may outdate. */
  get values(): Uint32Array {
    return this.#values;
  }

  clear(): void {
    this.length = 0;
  }
}
