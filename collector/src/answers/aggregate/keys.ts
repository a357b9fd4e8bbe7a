/** Groups by the values of up to four fields: each combination that occurs has a slot. */
import type { ColumnBlock } from "@hosttrail/lib/block";
import type { Field } from "@hosttrail/lib/predicate";
import type { Moves } from "./floats.ts";
import { SEVERAL, UNSET, ValueNumbers } from "./values.ts";

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

/** Combinations of one event's values that are counted. */
const COMBINATIONS_MAX = 65_536;

export class Keys {
  readonly #fields: readonly Field[];
  #names: Dictionary[] = [];
  /** For the second field and those after it. */
  #pairs: Pairs[] = [];
  #columns: ValueNumbers[] = [];
  #size = 1;
  /** The slots of the event that was looked at last. */
  readonly slots: number[] = [0];

  constructor(fields: readonly Field[]) {
    this.#fields = fields;
    this.#reset();
  }

  #reset(): void {
    this.#names = this.#fields.map(() => new Dictionary());
    this.#pairs = this.#fields.slice(1).map(() => new Pairs());
    this.#size = 1;
  }

  /** Slots that there are: numbers below. */
  get size(): number {
    return this.#pairs.at(-1)?.size ?? this.#size;
  }

  /** What comes next is about events of this block; once more after slots were moved. */
  begin(block: ColumnBlock): void {
    this.#columns = this.#fields.map((field, at) => {
      const names = this.#names[at] as Dictionary;
      return new ValueNumbers(field, block, (form) => this.#grown(at, names.numberOf(form)));
    });
  }

  #grown(field: number, number: number): number {
    if (field === 0 && number >= this.#size) this.#size = number + 1;
    return number;
  }

  /** Puts the event's slots into `slots`; gives how many there are, and as a negative number how many where some were left out. */
  look(event: number): number {
    const columns = this.#columns;
    let slot = columns[0]?.one(event) ?? 0;
    for (let at = 1; at < columns.length && slot !== SEVERAL; at++) {
      const value = (columns[at] as ValueNumbers).one(event);
      slot = value === SEVERAL ? SEVERAL : (this.#pairs[at - 1] as Pairs).numberOf(slot, value);
    }
    if (slot === SEVERAL) return this.#lookAtAll(event);
    this.slots[0] = slot;
    return 1;
  }

  #lookAtAll(event: number): number {
    let found = this.#columns[0]?.all(event) ?? [UNSET];
    let isCut = false;
    for (const [at, column] of this.#columns.slice(1).entries()) {
      const values = column.all(event);
      const pairs = this.#pairs[at] as Pairs;
      isCut ||= found.length * values.length > COMBINATIONS_MAX;
      const before = found.slice(0, Math.max(1, Math.floor(COMBINATIONS_MAX / values.length)));
      found = before.flatMap((each) => values.map((value) => pairs.numberOf(each, value)));
    }
    for (const [at, slot] of found.entries()) this.slots[at] = slot;
    return isCut ? -found.length : found.length;
  }

  /** The values of a group, one for each field. */
  textsOf(slot: number): (string | undefined)[] {
    const texts: (string | undefined)[] = [];
    let left = slot;
    for (let at = this.#fields.length - 1; at > 0; at--) {
      const [before, value] = (this.#pairs[at - 1] as Pairs).pairOf(left);
      texts.unshift(this.#names[at]?.textOf(value));
      left = before;
    }
    if (this.#fields.length > 0) texts.unshift(this.#names[0]?.textOf(left));
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
