/** Numbers by slot, as many as there are slots: the array is twice as large when it is full. */
export class Floats {
  values: Float64Array = new Float64Array(1024);
  readonly #fill: number;

  /** `fill`: what a slot has before anything is written there. */
  constructor(fill: number) {
    this.#fill = fill;
    this.values.fill(fill);
  }

  /** Makes room for a slot. */
  reach(slot: number): void {
    if (slot < this.values.length) return;
    const larger = new Float64Array(Math.max(this.values.length * 2, slot + 1)).fill(this.#fill);
    larger.set(this.values);
    this.values = larger;
  }

  at(slot: number): number {
    return this.values[slot] ?? this.#fill;
  }

  /** Only these slots stay, each under a new number. */
  move({ from, to }: Moves): void {
    const old = this.values;
    this.values = new Float64Array(old.length).fill(this.#fill);
    for (const [at, slot] of from.entries()) this.values[to[at] ?? 0] = old[slot] ?? this.#fill;
  }
}

/** Which slots stay, and the number that each of them has from now on. */
export interface Moves {
  from: readonly number[];
  to: readonly number[];
}
