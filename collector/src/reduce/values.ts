/** The values of one field in a block, each as a number: worked out once for each distinct row, and only of rows that are asked for. */
import type { ColumnBlock } from "@hosttrail/lib/block";
import { type Field, type FieldValue, formsOf, refsOf } from "@hosttrail/lib/predicate";

/** An event's number where it has several values. */
export const SEVERAL = -2;
const NOT_YET = -1;
/** Number of "no value". */
export const UNSET = 0;

/** Forms of a row's values that say something, each once. */
export function saidForms(field: Field, row: unknown): string[] {
  return said(field, field.value(row as never));
}

function said(field: Field, values: FieldValue): string[] {
  const forms = formsOf(field, values).filter((form) => form !== "" && form !== field.type.none);
  return forms.length > 1 ? [...new Set(forms)] : forms;
}

function onceEach(numbers: readonly number[]): readonly number[] {
  // Of two, which is what most have, no set is made.
  if (numbers.length === 2) return numbers[0] === numbers[1] ? numbers.slice(1) : numbers;
  return [...new Set(numbers)];
}

export class ValueNumbers {
  readonly #field: Field;
  readonly #block: ColumnBlock;
  /** Rows of events, by their index plus one; of event n those from offsets[n], or just the nth. */
  readonly #references: Uint32Array;
  readonly #offsets: Uint32Array | undefined;
  readonly #rows: readonly unknown[];
  /** Of a field whose values are strings of the block: the string of each row, and the number of each string. */
  readonly #strings: Uint32Array | undefined;
  readonly #ofStrings: Int32Array | undefined;
  readonly #numberOf: (form: string) => number;
  /** By row plus one. */
  readonly #single: Int32Array;
  readonly #several = new Map<number, readonly number[]>();
  /** What `all` gives where it is one. */
  readonly #only: number[] = [UNSET];

  /** `numberOf` gives a form's number, 1 or more. */
  constructor(field: Field, block: ColumnBlock, numberOf: (form: string) => number) {
    this.#field = field;
    this.#block = block;
    this.#strings = field.strings?.(block);
    this.#ofStrings = this.#strings && new Int32Array(block.strings.count).fill(NOT_YET);
    // Views are made for all rows at once, and are not needed where there are strings.
    this.#rows = this.#strings === undefined ? field.views(block) : [];
    this.#numberOf = numberOf;
    const { rows, offsets } = refsOf(field.column)(block);
    this.#references = rows;
    this.#offsets = offsets;
    this.#single = new Int32Array(field.count(block) + 1).fill(NOT_YET);
    this.#single[0] = UNSET;
  }

  /** Of each of these events the number of its only value: UNSET for none, SEVERAL where there are more. */
  ones(events: readonly number[]): Int32Array {
    const [offsets, references, single] = [this.#offsets, this.#references, this.#single];
    const numbers = new Int32Array(events.length);
    for (let at = 0; at < numbers.length; at++) {
      const event = events[at] as number;
      if (offsets !== undefined) {
        numbers[at] = this.#oneOf(event, offsets);
        continue;
      }
      const row = references[event] ?? 0;
      const known = single[row] ?? UNSET;
      numbers[at] = known === NOT_YET ? this.#read(row) : known;
    }
    return numbers;
  }

  /** Numbers of all of its values, each once; UNSET alone for none. Good until the next one is asked for. */
  all(event: number): readonly number[] {
    const offsets = this.#offsets;
    if (offsets === undefined) return this.#ofRow(this.#references[event] ?? 0);
    const numbers: number[] = [];
    for (let at = offsets[event] ?? 0; at < (offsets[event + 1] ?? 0); at++)
      for (const number of this.#ofRow(this.#references[at] ?? 0)) if (number !== UNSET) numbers.push(number);
    if (numbers.length === 0) numbers.push(UNSET);
    return numbers.length > 1 ? onceEach(numbers) : numbers;
  }

  #oneOf(event: number, offsets: Uint32Array): number {
    let only = UNSET;
    for (let at = offsets[event] ?? 0; at < (offsets[event + 1] ?? 0); at++) {
      const number = this.#known(this.#references[at] ?? 0);
      if (number === UNSET || number === only) continue;
      if (number === SEVERAL || only !== UNSET) return SEVERAL;
      only = number;
    }
    return only;
  }

  #ofRow(row: number): readonly number[] {
    const number = this.#known(row);
    if (number === SEVERAL) return this.#several.get(row) ?? [UNSET];
    this.#only[0] = number;
    return this.#only;
  }

  #known(row: number): number {
    const known = this.#single[row] ?? UNSET;
    return known === NOT_YET ? this.#read(row) : known;
  }

  #read(row: number): number {
    const string = this.#strings?.[row - 1];
    const number = string === undefined ? this.#readRow(row) : this.#readString(string);
    this.#single[row] = number;
    return number;
  }

  #readString(string: number): number {
    const known = this.#ofStrings?.[string] ?? UNSET;
    if (known !== NOT_YET) return known;
    const [form] = said(this.#field, this.#block.strings.text(string, this.#field.column));
    const number = form === undefined ? UNSET : this.#numberOf(form);
    if (this.#ofStrings !== undefined) this.#ofStrings[string] = number;
    return number;
  }

  #readRow(row: number): number {
    const forms = saidForms(this.#field, this.#rows[row - 1]);
    const numbers = forms.map((form) => this.#numberOf(form));
    const number = numbers.length > 1 ? SEVERAL : (numbers[0] ?? UNSET);
    if (number === SEVERAL) this.#several.set(row, numbers);
    return number;
  }
}
