/** A table of rows of one type, from the description of its columns. */
import type { Column, ColumnState, ReadLinks, RowAdder, RowReader } from "./columns.ts";
import type { WritingBudget } from "./budget.ts";
import { EqualRows } from "./equal.ts";
import { U32List } from "./list.ts";
import type { StringTable, StringTableBuilder } from "./strings.ts";
import { type Lists, RowIndex, type TableReader } from "./table.ts";
import { type MadeField, type MakeViews, viewMaker } from "./views.ts";
import type { WireWriter } from "./wire.ts";

/** What a table holds. The type makes sure that no field of a row is forgotten. */
export interface TableSpec<Row extends object, Links> {
  /** Name for error messages. */
  place: string;
  /** Number of the table's message in EventColumns. */
  field: number;
  /** The value that rows are found by before they are compared: a number, or one of the row's own texts. */
  key: (row: Row) => string | number;
  /**
   * Compares two rows with the same key, where the columns' own comparison is too slow: for the tables of which
   * each event has a row. Rows that refer to equal but different objects may be told apart: these are found by their
   * numbers. A test holds it against every single field.
   */
  same?: (a: Row, b: Row) => boolean;
  /** Appends a row to its columns, where doing so name by name is too slow: for the same tables. */
  append?: (columns: States<Row>, row: Row) => void;
  /** Builds a row, where doing so name by name is too slow: for the same tables. */
  build?: (read: Readers<Row>, index: number) => Row;
  columns: { [Name in keyof Row]-?: Column<Row[Name], Links> };
  /** A further field of its views. */
  made?: MadeField<Row>;
}

/** For each field of a row, the column that collects it. */
export type States<Row> = { [Name in keyof Row]-?: ColumnState<Row[Name]> };

/** For each field of a row, what reads it. */
type Readers<Row> = { [Name in keyof Row]-?: (index: number) => Row[Name] };

/** Builds a row of a table that says no quicker way. */
function byName<Row extends object>(read: Readers<Row>, index: number): Row {
  const row = {} as Row;
  for (const name in read) row[name] = read[name](index);
  return row;
}

/** The building side of a table. */
export class RowsWriter<Row extends object, Links> implements RowAdder<Row> {
  readonly #spec: TableSpec<Row, Links>;
  readonly #index: RowIndex<Row>;
  readonly #names: (keyof Row)[];
  readonly #states: States<Row>;
  /** Columns that refer to other rows, with their names. */
  readonly #referring: (keyof Row)[];
  readonly #append: (columns: States<Row>, row: Row) => void;
  readonly #equal: EqualRows;
  /** Rows of which an equal one was there already, which the comparison of rows did not find. */
  readonly #likes = new Map<Row, number>();
  readonly #budget: WritingBudget;
  /** What each row comes to when it is written out. */
  readonly #bytes = new U32List();

  constructor(spec: TableSpec<Row, Links>, strings: StringTableBuilder, links: Links) {
    this.#spec = spec;
    this.#budget = strings.budget;
    this.#names = Object.keys(spec.columns) as (keyof Row)[];
    const columns = this.#names.map((name) => spec.columns[name]);
    this.#states = Object.fromEntries(
      this.#names.map((name) => [name, spec.columns[name].collect(strings, links)]),
    ) as States<Row>;
    this.#referring = this.#names.filter((name) => this.#states[name].prepare !== undefined);
    this.#equal = new EqualRows(this.#names.flatMap((name) => this.#states[name].lists));
    const byName = (states: States<Row>, row: Row): void => {
      for (const name of this.#names) states[name].append(row[name]);
    };
    this.#append = spec.append ?? byName;
    const sameColumns = (a: Row, b: Row): boolean => {
      for (let at = 0; at < columns.length; at++) {
        const name = this.#names[at] as keyof Row;
        if (!columns[at]?.same(a[name], b[name])) return false;
      }
      return true;
    };
    this.#index = new RowIndex(strings, spec.key, spec.same ?? sameColumns);
  }

  /** Index of the row plus one, added where no equal one is there yet; 0 for none. */
  add(row: Row | undefined): number {
    if (row === undefined) return 0;
    const known = this.#index.find(row) || (this.#likes.get(row) ?? 0);
    if (known !== 0) return known;
    this.#prepare(row);
    const spent = this.#budget.save();
    const outer = this.#budget.beginRow();
    this.#equal.begin();
    this.#append(this.#states, row);
    const like = this.#equal.end();
    if (like === 0) {
      this.#bytes.push(this.#budget.endRow(outer));
      return this.#index.add(row);
    }
    this.#budget.restore(spent);
    this.#likes.set(row, like);
    return like;
  }

  /** Adds what the row refers to; rows of this very table among that use the same states, so theirs come all before ours. */
  #prepare(row: Row): void {
    const indexes: number[] = [];
    for (const name of this.#referring) indexes.push(this.#states[name].prepare?.(row[name]) ?? 0);
    for (let at = 0; at < indexes.length; at++)
      this.#states[this.#referring[at] as keyof Row].prepared = indexes[at] ?? 0;
  }

  bytesOf(index: number): number {
    return index === 0 ? 0 : (this.#bytes.values[index - 1] ?? 0);
  }

  clear(): void {
    this.#bytes.clear();
    this.#index.clear();
    this.#equal.clear();
    this.#likes.clear();
    for (const name of this.#names) this.#states[name].clear();
  }

  write(writer: WireWriter): void {
    const count = this.#index.length;
    if (count === 0) return;
    const begin = writer.open(this.#spec.field);
    writer.uint(1, count);
    for (const name of this.#names) this.#states[name].write(writer);
    writer.close(begin);
  }
}

/** Names of a row's fields that are one string. */
export type TextName<Row> = { [Name in keyof Row]-?: Row[Name] extends string ? Name : never }[keyof Row] & string;

/** Names of a row's fields that are small numbers, one string, or another row or none; an ancestry is a row as well. */
type NumberedName<Row> =
  | { [Name in keyof Row]-?: Row[Name] extends string | number | boolean ? Name : never }[keyof Row]
  | (("parent" | "sessionLeader" | "ancestry") & keyof Row);

/** Names of a row's fields that are lists of strings. */
export type TextsName<Row> = { [Name in keyof Row]-?: Row[Name] extends readonly string[] ? Name : never }[keyof Row] &
  string;

const NO_VIEWS: readonly never[] = [];

/** The maker of views of each kind of table, which is made once. */
const makers = new WeakMap<object, unknown>();

function makerOf<Row extends object, Links>(spec: TableSpec<Row, Links>): MakeViews<Row, Links> {
  const known = makers.get(spec) as MakeViews<Row, Links> | undefined;
  const maker = known ?? viewMaker<Row, Links>(spec.columns, spec.made);
  if (known === undefined) makers.set(spec, maker);
  return maker;
}

/** Of a table with more rows each is built when it is wanted: of a segment only few events are asked for. */
const TOGETHER_MAX = 256;

/**
 * The reading side of a table: its rows are built when the first one is wanted, together where they are few. Rows are shared by
 * all events that refer to them; nobody may change one.
 */
export class RowsReader<Row extends object, Links> implements RowReader<Row> {
  readonly #spec: TableSpec<Row, Links>;
  readonly #table: TableReader;
  readonly #strings: StringTable;
  readonly #links: ReadLinks<Links>;
  /** Those that were built; all of them where nothing is left to build. */
  #rows: Row[] = [];
  #bytes: number[] = [];
  #isWhole = false;
  #read: Readers<Row> | undefined;
  #views: readonly Row[] | undefined;
  /** The table as views read it. */
  #seen: TableReader | undefined;

  constructor(spec: TableSpec<Row, Links>, table: TableReader, strings: StringTable, links: ReadLinks<Links>) {
    this.#spec = spec;
    this.#table = table;
    this.#strings = strings;
    this.#links = links;
  }

  open(): void {
    this.#table.open();
    for (const name in this.#links) this.#links[name].open();
  }

  /** How many rows there are. */
  get count(): number {
    return this.#see().count;
  }

  /** Every row, in order; a reference n is to row n - 1. */
  get rows(): readonly Row[] {
    if (!this.#isWhole) this.#buildAll();
    return this.#rows;
  }

  /**
   * The same rows, of which only those columns are read that somebody asks for. A view's fields are no properties of its own, so
   * it cannot be copied as a row can; what is wrong in a column is found where it is read. Views are paid for apart from rows.
   */
  get views(): readonly Row[] {
    this.#views ??= this.#see().count === 0 ? NO_VIEWS : this.#makeViews();
    return this.#views;
  }

  #see(): TableReader {
    return (this.#seen ??= this.#table.keeping(this.#strings.forViews.budget));
  }

  #makeViews(): Row[] {
    const views: Row[] = [];
    this.#views = views;
    // Whoever is in the same table is seen as a view, too.
    const own: RowReader<Row> = { open() {}, row: (index) => views[index - 1], bytesOf: () => 0 };
    const links = { ...this.#links, ...(this.#spec.place in this.#links ? { [this.#spec.place]: own } : {}) };
    views.push(...makerOf(this.#spec)(this.#see(), this.#strings.forViews, links));
    return views;
  }

  /** For each row its number, that of its string in the block's table of strings, or of the row that it refers to, plus one. */
  numbers(name: NumberedName<Row> & string): Uint32Array {
    const column = this.#spec.columns[name] as Pick<Column<never, Links>, "numbers">;
    const numbers = column.numbers?.(this.#see());
    if (numbers === undefined) throw new TypeError(`${this.#spec.place} has no numbers in ${name}`);
    return numbers;
  }

  /** For each row the numbers of its strings in the block's table of strings; of a record those of its fields' keys, values and bytes. */
  lists(name: TextsName<Row> | ("fields" & keyof Row)): Lists {
    const column = this.#spec.columns[name] as Pick<Column<never, Links>, "lists">;
    const lists = column.lists?.(this.#see());
    if (lists === undefined) throw new TypeError(`${this.#spec.place} has no lists in ${name}`);
    return lists;
  }

  row(index: number, place: string): Row | undefined {
    if (index === 0) return undefined;
    const known = this.#rows[index - 1];
    if (known !== undefined) return known;
    const { count } = this.#table;
    // Also met by a row that refers to itself or to a later row, which would make a ring.
    if (this.#isWhole || index > count) return this.#table.fail(place, `row ${index} of ${count} or not yet there`);
    if (count > TOGETHER_MAX) return this.#build(index - 1);
    this.#buildAll();
    return this.row(index, place);
  }

  bytesOf(index: number): number {
    return index === 0 ? 0 : (this.#bytes[index - 1] ?? 0);
  }

  #buildAll(): void {
    this.#isWhole = true;
    for (let index = 0; index < this.#table.count; index++) if (this.#rows[index] === undefined) this.#build(index);
  }

  #build(index: number): Row {
    const { budget } = this.#strings;
    const { build = byName } = this.#spec;
    const read = (this.#read ??= this.#readers());
    const outer = budget.beginRow(this.#table.place);
    const row = build(read, index);
    this.#rows[index] = row;
    this.#bytes[index] = budget.endRow(outer);
    return row;
  }

  #readers(): Readers<Row> {
    const { columns } = this.#spec;
    const read = {} as Readers<Row>;
    for (const name in columns) read[name] = columns[name].read(this.#table, this.#strings, this.#links);
    // Of one size from the beginning, since rows are not built in their order.
    this.#rows = new Array<Row>(this.#table.count);
    this.#bytes = new Array<number>(this.#table.count);
    return read;
  }
}
