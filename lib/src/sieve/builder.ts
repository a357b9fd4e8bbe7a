/** Gathers what a sieve is asked for: whole values of fields, and trigrams of texts. */
import { TERMS } from "./form.ts";
import { fuse } from "./fuse.ts";
import { everyGram } from "./grams.ts";
import { TextHash } from "./hash.ts";
import { checkGroup, gramHigh, hashTerm } from "./keys.ts";
import { KeySet } from "./set.ts";

/** Keys of one group, or of the terms, at most. More overflow: then all of that group may be there. */
export const KEYS_EACH_MAX: number = 1 << 18;

export class SieveBuilder {
  readonly #hash = new TextHash();
  readonly #keys = new KeySet();
  readonly #counts = new Uint32Array(TERMS + 1);
  readonly #keysEachMax: number;
  #overflow = 0;

  constructor(keysEachMax: number = KEYS_EACH_MAX) {
    this.#keysEachMax = keysEachMax;
  }

  /** Distinct keys so far. */
  get size(): number {
    return this.#keys.size;
  }

  /** Takes in a field's whole value, in the form in which filters compare it. */
  addTerm(field: string, value: string): void {
    if (!this.#hasRoom(TERMS)) return;
    const { low, high } = hashTerm(this.#hash, field, value);
    this.#add(TERMS, low, high);
  }

  /** Takes in the parts of a text. Texts of one group are not told apart. */
  addText(group: number, text: string): void {
    checkGroup(group);
    everyGram(text, (first, rest) => {
      if (!this.#hasRoom(group)) return false;
      this.#add(group, rest, gramHigh(group, first));
      return true;
    });
  }

  #hasRoom(bit: number): boolean {
    return (this.#overflow & (1 << bit)) === 0;
  }

  #add(bit: number, low: number, high: number): void {
    if (!this.#keys.add(low, high)) return;
    const count = (this.#counts[bit] ?? 0) + 1;
    this.#counts[bit] = count;
    // The key that is too many is in, which does no harm; those after it are not.
    if (count > this.#keysEachMax) this.#overflow = (this.#overflow | (1 << bit)) >>> 0;
  }

  /** The sieve's bytes. The same texts and terms give the same bytes, whatever their order, unless there are too many. */
  finish(): Uint8Array {
    return fuse(this.#keys.keys(), this.#overflow);
  }
}
