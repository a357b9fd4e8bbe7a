/** Asks a sieve's bytes. */
import { ALL, type Form, readForm, TERMS } from "./form.ts";
import { everyGram } from "./grams.ts";
import { TextHash } from "./hash.ts";
import { checkGroup, gramHigh, hashTerm } from "./keys.ts";
import { ARITY, firstWord, place, secondWord } from "./place.ts";

/**
 * A sieve says of a key that it is not there, or that it may be. What was taken in may always be there; of other keys about one in
 * 256 may, too. Damage to the fingerprints cannot be seen in them: whoever stores a sieve has its checksum.
 */
export class Sieve {
  readonly #form: Form;
  readonly #places = new Uint32Array(ARITY);
  readonly #hash = new TextHash();

  /** Reads the bytes where they are; throws a RangeError that says what is wrong with them. */
  constructor(bytes: Uint8Array) {
    this.#form = readForm(bytes);
  }

  /** True where too much was to be taken in, of terms, of a group or of all: then all of these may be there. */
  get overflowed(): boolean {
    return this.#form.overflow !== 0;
  }

  /** Asks for a key in halves. */
  mayHave(low: number, high: number): boolean {
    const { layout, seed, overflow, fingerprints } = this.#form;
    if (layout.segments === 0) return overflow === ALL;
    const places = this.#places;
    const first = firstWord(low, high, seed);
    let value = place(first, secondWord(low, first), layout, places);
    for (let which = 0; which < ARITY; which++) value ^= fingerprints[places[which] ?? 0] ?? 0;
    return value === 0;
  }

  /** Asks for a field's whole value, in the form in which filters compare it. */
  mayHaveTerm(field: string, value: string): boolean {
    if (this.#overflowed(TERMS)) return true;
    const { low, high } = hashTerm(this.#hash, field, value);
    return this.mayHave(low, high);
  }

  /** Asks whether a text of the group may include `part`. Of a part of fewer than three code units it cannot tell. */
  mayHavePart(group: number, part: string): boolean {
    checkGroup(group);
    if (this.#overflowed(group)) return true;
    return everyGram(part, (first, rest) => this.mayHave(rest, gramHigh(group, first)));
  }

  #overflowed(bit: number): boolean {
    return (this.#form.overflow & (1 << bit)) !== 0;
  }
}
