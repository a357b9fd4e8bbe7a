/** Nanoseconds since 1970 of many groups, without a BigInt for each of them. */
import type { Moves } from "./floats.ts";

/** The first or the last time of each slot. */
export class Moments {
  #halves = new Int32Array(2048);
  #isSet = new Uint8Array(1024);
  readonly #sign: 1 | -1;

  constructor(which: "first" | "last") {
    this.#sign = which === "first" ? 1 : -1;
  }

  add(slot: number, high: number, low: number): void {
    if (slot >= this.#isSet.length) this.#grow(slot);
    const at = 2 * slot;
    const known = this.#isSet[slot] === 1;
    const earlier = high - (this.#halves[at + 1] ?? 0) || low - ((this.#halves[at] ?? 0) >>> 0);
    if (known && earlier * this.#sign >= 0) return;
    this.#isSet[slot] = 1;
    this.#halves[at] = low;
    this.#halves[at + 1] = high;
  }

  #grow(slot: number): void {
    const length = Math.max(this.#isSet.length * 2, slot + 1);
    const [halves, isSet] = [new Int32Array(length * 2), new Uint8Array(length)];
    halves.set(this.#halves);
    isSet.set(this.#isSet);
    [this.#halves, this.#isSet] = [halves, isSet];
  }

  /** Nanoseconds since 1970. */
  at(slot: number): bigint {
    const [low, high] = [this.#halves[2 * slot] ?? 0, this.#halves[2 * slot + 1] ?? 0];
    return (BigInt(high) << 32n) + BigInt(low >>> 0);
  }

  move({ from, to }: Moves): void {
    const [halves, isSet] = [this.#halves, this.#isSet];
    this.#halves = new Int32Array(halves.length);
    this.#isSet = new Uint8Array(isSet.length);
    for (const [at, slot] of from.entries()) {
      const target = to[at] ?? 0;
      this.#isSet[target] = isSet[slot] ?? 0;
      this.#halves.set(halves.subarray(2 * slot, 2 * slot + 2), 2 * target);
    }
  }
}
