/** A table of rows of one type, from the description of its columns. */
import type { Column, ColumnState, ReadLinks, RowAdder, RowReader } from "./columns.ts";
import type { StringTable, StringTableBuilder } from "./strings.ts";
import { RowIndex, type TableReader } from "./table.ts";
import type { WireWriter } from "./wire.ts";

/** What a table holds. The type makes sure that no field of a row is forgotten. */
export interface TableSpec<Row extends object, Links> {
  /** Name for error messages. */
  place: string;
  /** Number of the table's message in EventColumns. */
  field: number;
  /** The value that rows are found by before they are compared. */
  key: (row: Row) => string | number;
  /**
   * Compares two rows with the same key, where the columns' own comparison is too slow: for the tables of which
   * each event has a row. A test holds it against every single field.
   */
  same?: (a: Row, b: Row) => boolean;
  columns: { [Name in keyof Row]-?: Column<Row[Name], Links> };
}

/** The building side of a table. */
export class RowsWriter<Row extends object, Links> implements RowAdder<Row> {
  readonly #spec: TableSpec<Row, Links>;
  readonly #index: RowIndex<Row>;
  readonly #names: (keyof Row)[];
  readonly #states: ColumnState<Row[keyof Row]>[];

  constructor(spec: TableSpec<Row, Links>, strings: StringTableBuilder, links: Links) {
    this.#spec = spec;
    this.#names = Object.keys(spec.columns) as (keyof Row)[];
    const columns = this.#names.map((name) => spec.columns[name]);
    this.#states = columns.map((column) => column.collect(strings, links));
    const sameColumns = (a: Row, b: Row): boolean => {
      for (let at = 0; at < columns.length; at++) {
        const name = this.#names[at] as keyof Row;
        if (!columns[at]?.same(a[name], b[name])) return false;
      }
      return true;
    };
    this.#index = new RowIndex(spec.key, spec.same ?? sameColumns);
  }

  /** Index of the row plus one, added where no equal one is there yet; 0 for none. */
  add(row: Row | undefined): number {
    if (row === undefined) return 0;
    const known = this.#index.find(row);
    if (known !== 0) return known;
    const states = this.#states;
    const names = this.#names;
    for (let at = 0; at < states.length; at++) states[at]?.prepare?.(row[names[at] as keyof Row]);
    for (let at = 0; at < states.length; at++) states[at]?.append(row[names[at] as keyof Row]);
    return this.#index.add(row);
  }

  clear(): void {
    this.#index.clear();
    for (const state of this.#states) state.clear();
  }

  write(writer: WireWriter): void {
    const count = this.#index.length;
    if (count === 0) return;
    const begin = writer.open(this.#spec.field);
    writer.uint(1, count);
    for (const state of this.#states) state.write(writer);
    writer.close(begin);
  }
}

/**
 * The reading side of a table: its rows are built together when the first one is wanted. Rows are shared by
 * all events that refer to them; nobody may change one.
 */
export class RowsReader<Row extends object, Links> implements RowReader<Row> {
  readonly #spec: TableSpec<Row, Links>;
  readonly #table: TableReader;
  readonly #strings: StringTable;
  readonly #links: ReadLinks<Links>;
  #rows: Row[] | undefined;

  constructor(spec: TableSpec<Row, Links>, table: TableReader, strings: StringTable, links: ReadLinks<Links>) {
    this.#spec = spec;
    this.#table = table;
    this.#strings = strings;
    this.#links = links;
  }

  /** Every row, in order; a reference n is to row n - 1. */
  get rows(): readonly Row[] {
    return this.#rows ?? this.#build();
  }

  row(index: number, place: string): Row | undefined {
    if (index === 0) return undefined;
    const rows = this.#rows ?? this.#build();
    const row = rows[index - 1];
    // Also met by a row that refers to itself or to a later row, which would make a ring.
    if (row === undefined) return this.#table.fail(place, `row ${index} of ${this.#table.count} or not yet there`);
    return row;
  }

  #build(): Row[] {
    const rows: Row[] = [];
    this.#rows = rows;
    const names = Object.keys(this.#spec.columns) as (keyof Row)[];
    const readers = names.map((name) => this.#spec.columns[name].read(this.#table, this.#strings, this.#links));
    for (let index = 0; index < this.#table.count; index++) {
      const row = {} as Row;
      for (let at = 0; at < readers.length; at++) {
        row[names[at] as keyof Row] = readers[at]?.(index) as Row[keyof Row];
      }
      rows.push(row);
    }
    return rows;
  }
}
