/** Keys as they are gathered: each one once, however often it comes. */
import { mix } from "./hash.ts";

const CAPACITY_MIN = 64;

/** Keys in halves: number n is `low[n]` and `high[n]`. */
export interface Keys {
  low: Uint32Array;
  high: Uint32Array;
}

/** A set of keys of two u32 halves, in a table with open addressing. */
export class KeySet {
  #low = new Uint32Array(CAPACITY_MIN);
  #high = new Uint32Array(CAPACITY_MIN);
  /** Keys in the table, which marks an empty place by zeros: so the key of zeros stands beside it. */
  #count = 0;
  #hasZeros = false;
  /**
   * Hosts choose their texts: somebody who knew where keys go could have them all go to one place, and each would take as long as all before
   * it. What comes of a set does not depend on it.
   */
  readonly #seed: number = (Math.random() * 0x1_0000_0000) >>> 0;

  get size(): number {
    return this.#count + (this.#hasZeros ? 1 : 0);
  }

  /** Takes a key in; false where it was there. */
  add(low: number, high: number): boolean {
    if (low === 0 && high === 0) {
      const isNew = !this.#hasZeros;
      this.#hasZeros = true;
      return isNew;
    }
    if (!this.#put(low, high)) return false;
    this.#count++;
    if (this.#count * 2 > this.#low.length) this.#grow();
    return true;
  }

  #put(low: number, high: number): boolean {
    const lows = this.#low;
    const highs = this.#high;
    const mask = lows.length - 1;
    let at = mix(low ^ mix(high ^ this.#seed)) & mask;
    // Half of the places are empty.
    while (lows[at] !== 0 || highs[at] !== 0) {
      if (lows[at] === low && highs[at] === high) return false;
      at = (at + 1) & mask;
    }
    lows[at] = low;
    highs[at] = high;
    return true;
  }

  #grow(): void {
    const { low, high } = this.keys();
    const zeros = this.#hasZeros ? 1 : 0;
    this.#low = new Uint32Array(this.#low.length * 2);
    this.#high = new Uint32Array(this.#high.length * 2);
    for (let index = zeros; index < low.length; index++) this.#put(low[index] ?? 0, high[index] ?? 0);
  }

  /** A copy of all keys, in no order. */
  keys(): Keys {
    const low = new Uint32Array(this.size);
    const high = new Uint32Array(this.size);
    let count = this.#hasZeros ? 1 : 0;
    for (let at = 0; at < this.#low.length; at++) {
      if (this.#low[at] === 0 && this.#high[at] === 0) continue;
      low[count] = this.#low[at] ?? 0;
      high[count] = this.#high[at] ?? 0;
      count++;
    }
    return { low, high };
  }
}
