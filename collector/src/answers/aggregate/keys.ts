/** Groups by the values of up to four fields: each combination that occurs has a slot. */
import type { Reduced } from "../../reduce/index.ts";
import type { Moves } from "./floats.ts";

/** Texts by number, and numbers by text; 0 is no text. */
class Dictionary {
  readonly #numbers = new Map<string, number>();
  readonly #texts: (string | undefined)[] = [undefined];

  numberOf(text: string): number {
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.#texts.push(text) - 1;
      this.#numbers.set(text, number);
    }
    return number;
  }

  textOf(number: number): string | undefined {
    return this.#texts[number];
  }
}

/** Pairs of what came before and a value's number, each with a number of its own. */
class Pairs {
  readonly #numbers = new Map<number, number>();
  readonly #before: number[] = [];
  readonly #values: number[] = [];
  /** The pair of the last look-up: events beside each other are often alike. */
  #lastKey = -1;
  #last = 0;

  get size(): number {
    return this.#before.length;
  }

  numberOf(before: number, value: number): number {
    // Both are far below 2^26, so the key is exact.
    const key = before * 0x4000000 + value;
    if (key === this.#lastKey) return this.#last;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#before.push(before) - 1;
      this.#values.push(value);
      this.#numbers.set(key, number);
    }
    this.#lastKey = key;
    this.#last = number;
    return number;
  }

  pairOf(number: number): [before: number, value: number] {
    return [this.#before[number] ?? 0, this.#values[number] ?? 0];
  }
}

const NOT_YET = -1;
/** Number of "no value". */
const UNSET = 0;

export class Keys {
  readonly #fields: number;
  #names: Dictionary[] = [];
  /** For the second field and those after it. */
  #pairs: Pairs[] = [];
  #size = 1;
  /** What is added: its texts by field, and the number that each has here, as far as it was looked up. */
  #texts: Reduced["texts"] = [];
  #values: Reduced["values"] = [];
  #known: readonly Int32Array[] = [];

  constructor(fields: number) {
    this.#fields = fields;
    this.#reset();
  }

  #reset(): void {
    this.#names = Array.from({ length: this.#fields }, () => new Dictionary());
    this.#pairs = this.#names.slice(1).map(() => new Pairs());
    this.#size = 1;
  }

  /** Slots that there are: numbers below. */
  get size(): number {
    return this.#pairs.at(-1)?.size ?? this.#size;
  }

  /** What comes next is about groups of this part; once more after slots were moved. */
  begin({ texts, values }: Pick<Reduced, "texts" | "values">): void {
    this.#texts = texts;
    this.#values = values;
    this.#known = texts.map(({ length }) => new Int32Array(length + 1).fill(NOT_YET));
  }

  #grown(field: number, number: number): number {
    if (field === 0 && number >= this.#size) this.#size = number + 1;
    return number;
  }

  /** The slot of one of the part's groups. */
  slotOf(group: number): number {
    let slot = 0;
    for (let at = 0; at < this.#fields; at++) {
      const number = this.#numberOf(at, this.#values[at]?.[group] ?? UNSET);
      slot = at === 0 ? number : (this.#pairs[at - 1] as Pairs).numberOf(slot, number);
    }
    return slot;
  }

  #numberOf(field: number, value: number): number {
    if (value === UNSET) return UNSET;
    const known = this.#known[field]?.[value] ?? NOT_YET;
    if (known !== NOT_YET) return known;
    const text = this.#texts[field]?.[value - 1] ?? "";
    const number = this.#grown(field, (this.#names[field] as Dictionary).numberOf(text));
    (this.#known[field] as Int32Array)[value] = number;
    return number;
  }

  /** The values of a group, one for each field. */
  textsOf(slot: number): (string | undefined)[] {
    const texts: (string | undefined)[] = [];
    let left = slot;
    for (let at = this.#fields - 1; at > 0; at--) {
      const [before, value] = (this.#pairs[at - 1] as Pairs).pairOf(left);
      texts.unshift(this.#names[at]?.textOf(value));
      left = before;
    }
    if (this.#fields > 0) texts.unshift(this.#names[0]?.textOf(left));
    return texts;
  }

  /** Forgets all groups but these. */
  keep(from: readonly number[]): Moves {
    const kept = from.map((slot) => this.textsOf(slot));
    this.#reset();
    const to = kept.map((texts) => {
      let slot = 0;
      for (const [at, text] of texts.entries()) {
        const value = text === undefined ? UNSET : (this.#names[at] as Dictionary).numberOf(text);
        slot = at === 0 ? this.#grown(0, value) : (this.#pairs[at - 1] as Pairs).numberOf(slot, value);
      }
      return slot;
    });
    return { from, to };
  }
}
