/** What all tables of a block share: finding a row that is there already, and reading columns. */
import { BlockError } from "./error.ts";
import type { ReadingBudget } from "./budget.ts";
import { U32List } from "./list.ts";
import type { StringTableBuilder } from "./strings.ts";
import { type Span, unzigzag, WireReader } from "./wire.ts";

/** Rows with the same key that are compared before a new row is made instead; keeps finding a row O(1). */
const CHAIN_MAX = 8;

/**
 * Finds the row that equals a new one, by key and comparison. An agent hands in the same process and user
 * objects again and again, so the comparison is most often one of identity.
 *
 * A key is one of the row's own texts, which the string table must look up anyway: its index there leads to the row
 * without another look-up. Or it is a number.
 */
export class RowIndex<Row extends object> {
  readonly #rows: Row[] = [];
  /** The newest row of each key; older ones hang on it. Indexes are plus one. */
  #newestByText = new Uint32Array(1024);
  readonly #newestByNumber = new Map<number, number>();
  readonly #older = new U32List();
  #last: Row | undefined;
  #lastIndex = 0;
  readonly #strings: StringTableBuilder;
  readonly #key: (row: Row) => string | number;
  readonly #same: (a: Row, b: Row) => boolean;

  constructor(strings: StringTableBuilder, key: (row: Row) => string | number, same: (a: Row, b: Row) => boolean) {
    this.#strings = strings;
    this.#key = key;
    this.#same = same;
  }

  get length(): number {
    return this.#rows.length;
  }

  clear(): void {
    this.#rows.length = 0;
    this.#newestByText.fill(0);
    this.#newestByNumber.clear();
    this.#older.clear();
    this.#last = undefined;
    this.#lastIndex = 0;
  }

  /** Index of an equal row plus one, or 0: then the caller appends the row's columns and calls add(). */
  find(row: Row): number {
    // Neighbours often share their rows.
    if (row === this.#last) return this.#lastIndex;
    const key = this.#key(row);
    let index =
      typeof key === "number"
        ? (this.#newestByNumber.get(key) ?? 0)
        : (this.#newestByText[this.#strings.text(key)] ?? 0);
    for (let tries = 0; index !== 0 && tries < CHAIN_MAX; tries++) {
      const other = this.#rows[index - 1] as Row;
      if (other === row || this.#same(row, other)) {
        this.#last = row;
        this.#lastIndex = index;
        return index;
      }
      index = this.#older.values[index - 1] ?? 0;
    }
    return 0;
  }

  /** Adds a row that find() did not know; returns its index plus one. */
  add(row: Row): number {
    const index = this.#rows.push(row);
    const key = this.#key(row);
    if (typeof key === "number") {
      this.#older.push(this.#newestByNumber.get(key) ?? 0);
      this.#newestByNumber.set(key, index);
    } else {
      const text = this.#strings.text(key);
      if (text >= this.#newestByText.length) this.#grow(text);
      this.#older.push(this.#newestByText[text] ?? 0);
      this.#newestByText[text] = index;
    }
    this.#last = row;
    this.#lastIndex = index;
    return index;
  }

  #grow(text: number): void {
    const larger = new Uint32Array(Math.max(this.#newestByText.length * 2, text + 1));
    larger.set(this.#newestByText);
    this.#newestByText = larger;
  }
}

/** True for two lists of the same texts. */
export function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** The columns of one table, found and read on demand. */
export class TableReader {
  readonly place: string;
  readonly #bytes: Uint8Array;
  readonly #span: Span | undefined;
  #count: number | undefined;
  #spans: readonly (Span | undefined)[] | undefined;
  readonly #budget: ReadingBudget;

  /** `count` is given for the events, whose number stands outside of their table and is bounded there. */
  constructor(bytes: Uint8Array, span: Span | undefined, place: string, budget: ReadingBudget, count?: number) {
    this.#bytes = bytes;
    this.place = place;
    this.#budget = budget;
    this.#span = span;
    this.#count = count;
  }

  /** Number of rows. */
  get count(): number {
    if (this.#count === undefined) this.#open();
    return this.#count ?? 0;
  }

  /** Throws where its columns cannot be found, or its rows are too many. */
  open(): void {
    if (this.#spans === undefined) this.#open();
  }

  /** Finds the columns when the first is wanted: of a small block most tables are never asked for. */
  #open(): readonly (Span | undefined)[] {
    const { place } = this;
    const span = this.#span;
    const fields = span && new WireReader(this.#bytes, place, span.start, span.end).fields();
    if (this.#count === undefined) {
      this.#budget.spendRows(fields?.first ?? 0, `${place}.count`);
      this.#count = fields?.first ?? 0;
    }
    this.#spans = fields?.spans ?? [];
    return this.#spans;
  }

  /** The table once more: what is read of it is kept, and paid for by another budget. */
  keeping(budget: ReadingBudget): TableReader {
    return new KeepingReader(this.#bytes, this.#span, this.place, budget);
  }

  fail(column: string, detail: string): never {
    throw new BlockError("PAYLOAD_MALFORMED", `${this.place}.${column}`, detail);
  }

  #values(field: number): Uint32Array | undefined {
    return this.#column(field)?.packed();
  }

  #column(field: number): WireReader | undefined {
    const span = (this.#spans ?? this.#open())[field];
    return span && new WireReader(this.#bytes, `${this.place}.${field}`, span.start, span.end);
  }

  /** A column with one u32 a row. */
  numbers(field: number): Uint32Array {
    const values = this.#values(field);
    if (values === undefined) return zeros(this.count);
    if (values.length !== this.count) this.fail(`${field}`, `${values.length} values for ${this.count} rows`);
    return values;
  }

  /** A column of u32 as zigzag differences to the row before. */
  deltas(field: number): Uint32Array {
    const values = new Uint32Array(this.count);
    const reader = this.#column(field);
    if (reader === undefined) return values;
    let sum = 0;
    for (let index = 0; index < values.length; index++) {
      sum += unzigzag(reader.varint());
      values[index] = sum;
    }
    if (!reader.done) this.fail(`${field}`, `more than ${this.count} values`);
    return values;
  }

  /** A column of zigzag 64-bit integers. */
  signed64(field: number): BigInt64Array {
    const values = new BigInt64Array(this.count);
    const reader = this.#column(field);
    if (reader === undefined) return values;
    const halves = new Int32Array(values.buffer);
    for (let index = 0; index < values.length; index++) {
      const zigzag = reader.peekVarint();
      if (zigzag > MAX_SAFE) values[index] = reader.signed64();
      else {
        const value = unzigzag(reader.varint());
        halves[2 * index] = value;
        halves[2 * index + 1] = Math.floor(value / TWO_32);
      }
    }
    if (!reader.done) this.fail(`${field}`, `more than ${this.count} values`);
    return values;
  }

  /** An Int64Column message. */
  int64(field: number): BigInt64Array {
    const values = new BigInt64Array(this.count);
    const reader = this.#column(field);
    if (reader === undefined) return values;
    let base = 0n;
    let unit = 1n;
    let deltas: Span | undefined;
    while (!reader.done) {
      const { field: inner, wireType } = reader.tag();
      if (inner === 1 && wireType === 0) base = reader.signed64();
      else if (inner === 2 && wireType === 0) unit = BigInt(reader.varint());
      else if (inner === 3 && wireType === 2) deltas = reader.span();
      else reader.skip(wireType);
    }
    if (deltas === undefined) return this.fail(`${field}`, "no deltas");
    const open = (): WireReader => reader.within(this.#bytes, deltas.start, deltas.end);
    const inner = open();
    if (!fillByDoubles(values, inner, base, unit)) return this.#fillByBigints(values, open(), base, unit, field);
    if (!inner.done) this.fail(`${field}`, `more than ${this.count} values`);
    return values;
  }

  /** The same for differences that a double cannot hold. */
  #fillByBigints(values: BigInt64Array, inner: WireReader, base: bigint, unit: bigint, field: number): BigInt64Array {
    let sum = base;
    for (let index = 0; index < values.length; index++) {
      sum = BigInt.asIntN(64, sum + inner.signed64() * unit);
      values[index] = sum;
    }
    if (!inner.done) this.fail(`${field}`, `more than ${this.count} values`);
    return values;
  }

  /** A list column: where each row's values begin (count + 1 offsets), and the values. */
  lists(lengthField: number, ...valueFields: number[]): Lists {
    const lengths = this.numbers(lengthField);
    const offsets = new Uint32Array(lengths.length + 1);
    let sum = 0;
    for (let index = 0; index < lengths.length; index++) {
      sum += lengths[index] ?? 0;
      offsets[index + 1] = sum;
    }
    this.#budget.spendItems(sum, `${this.place}.${lengthField}`);
    const values = valueFields.map((field) => {
      const column = this.#values(field) ?? zeros(sum);
      if (column.length !== sum) this.fail(`${field}`, `${column.length} list items for ${sum}`);
      return column;
    });
    return { offsets, values };
  }
}

/** The same table for those who ask for a column again and again. */
class KeepingReader extends TableReader {
  readonly #numbers: (Uint32Array | undefined)[] = [];
  /** By the field of their lengths. */
  readonly #lists: (Lists | undefined)[] = [];

  override numbers(field: number): Uint32Array {
    return (this.#numbers[field] ??= super.numbers(field));
  }

  override deltas(field: number): Uint32Array {
    return (this.#numbers[field] ??= super.deltas(field));
  }

  override lists(lengthField: number, ...valueFields: number[]): Lists {
    return (this.#lists[lengthField] ??= super.lists(lengthField, ...valueFields));
  }
}

/** Of a small block most columns are missing: nobody writes to what was read, so these can be shared. */
const ZEROS: readonly Uint32Array[] = Array.from({ length: 65 }, (_, count) => new Uint32Array(count));

function zeros(count: number): Uint32Array {
  return ZEROS[count] ?? new Uint32Array(count);
}

const TWO_32 = 0x100000000;
const MAX_SAFE = Number.MAX_SAFE_INTEGER;
/** Sums up to here, added to a low half, are exact in a double. */
const OFFSET_MAX = 2 ** 52;

/** Fills a column without BigInts; false, having done nothing useful, where a double cannot hold the sums. */
function fillByDoubles(values: BigInt64Array, inner: WireReader, base: bigint, unit: bigint): boolean {
  const halves = new Int32Array(values.buffer);
  const factor = Number(unit);
  const baseLow = Number(BigInt.asUintN(32, base));
  const baseHigh = Number(base >> 32n);
  let offset = 0;
  for (let index = 0; index < values.length; index++) {
    const zigzag = inner.varint();
    if (zigzag > MAX_SAFE) return false;
    offset += unzigzag(zigzag) * factor;
    if (offset > OFFSET_MAX || offset < -OFFSET_MAX) return false;
    const total = baseLow + offset;
    const carry = Math.floor(total / TWO_32);
    halves[2 * index] = total - carry * TWO_32;
    halves[2 * index + 1] = baseHigh + carry;
  }
  return true;
}

/** The values of a list column, and of the columns that go with it. */
export interface Lists {
  /** Where each row's items begin; one more than there are rows. */
  offsets: Uint32Array;
  values: Uint32Array[];
}
