/** The values of one field in a block, each as a number: worked out once for each distinct row, and only of rows that are asked for. */
import type { ColumnBlock } from "@hosttrail/lib/block";
import { EVENT_COLUMN, type Field, type FieldValue, formsOf } from "@hosttrail/lib/predicate";

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

export class ValueNumbers {
  readonly #field: Field;
  readonly #block: ColumnBlock;
  readonly #rows: readonly unknown[];
  /** Of a field whose values are strings of the block: the string of each row, and the number of each string. */
  readonly #strings: Uint32Array | undefined;
  readonly #ofStrings: Int32Array | undefined;
  readonly #numberOf: (form: string) => number;
  /** The row of each event plus one, where each has one row or none. */
  readonly #references: Uint32Array | undefined;
  readonly #isOfEvents: boolean;
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
    this.#isOfEvents = field.column === EVENT_COLUMN;
    const column = (block.columns as unknown as Readonly<Record<string, unknown>>)[field.column];
    this.#references = !this.#isOfEvents && column instanceof Uint32Array ? column : undefined;
    this.#single = new Int32Array((this.#strings ?? this.#rows).length + 1).fill(NOT_YET);
    this.#single[0] = UNSET;
  }

  /** The number of the event's only value, UNSET for none, SEVERAL where there are more. */
  one(event: number): number {
    const row = this.#isOfEvents ? event + 1 : this.#references?.[event];
    if (row === undefined) return this.#oneOfList(event);
    const known = this.#single[row] ?? UNSET;
    return known === NOT_YET ? this.#read(row) : known;
  }

  /** Numbers of all of its values, each once; UNSET alone for none. Good until the next one is asked for. */
  all(event: number): readonly number[] {
    const row = this.#isOfEvents ? event + 1 : this.#references?.[event];
    if (row !== undefined) return this.#ofRow(row);
    const found = this.#field.rowsOf(this.#block, event);
    if (typeof found === "number") return this.#ofRow(found);
    const numbers = new Set<number>();
    for (const each of found) for (const number of this.#ofRow(each)) if (number !== UNSET) numbers.add(number);
    return numbers.size === 0 ? [UNSET] : [...numbers];
  }

  #oneOfList(event: number): number {
    const rows = this.#field.rowsOf(this.#block, event);
    if (typeof rows === "number") return this.#known(rows);
    let only = UNSET;
    for (const row of rows) {
      const number = this.#known(row);
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
