/**
 * Rows that are read only as far as they are asked: a view has the fields of its row, and reads a column with the first field of it that
 * anybody wants. Of a small block this costs a fraction of making the rows.
 */
import type { Column, ReadLinks } from "./columns.ts";
import type { StringTable } from "./strings.ts";
import type { TableReader } from "./table.ts";

type Columns<Row, Links> = { [Name in keyof Row]-?: Column<Row[Name], Links> };

/** What a column's values are read by, and those that were read: each one is paid for once. */
interface Opened {
  read: (row: number) => unknown;
  values: unknown[];
}

/** The columns of a table that views read. */
class ViewedTable<Row extends object, Links> {
  readonly #columns: readonly Column<unknown, Links>[];
  readonly #table: TableReader;
  readonly #strings: StringTable;
  readonly #links: ReadLinks<Links>;
  readonly #opened: (Opened | undefined)[] = [];
  readonly #made: unknown[] = [];

  constructor(columns: Columns<Row, Links>, table: TableReader, strings: StringTable, links: ReadLinks<Links>) {
    this.#columns = Object.values(columns);
    this.#table = table;
    this.#strings = strings;
    this.#links = links;
  }

  value(column: number, row: number): unknown {
    const { read, values } = this.#opened[column] ?? this.#open(column);
    return (values[row] ??= read(row));
  }

  /** What is made of a row, once. */
  made(view: object, row: number, make: (view: never) => unknown): unknown {
    while (this.#made.length < row) this.#made.push(undefined);
    return (this.#made[row] ??= make(view as never));
  }

  #open(column: number): Opened {
    const read = (this.#columns[column] as Column<unknown, Links>).read(this.#table, this.#strings, this.#links);
    const opened = { read, values: new Array<unknown>(this.#table.count).fill(undefined) };
    this.#opened[column] = opened;
    return opened;
  }
}

/** A field that only views have: what is made of others, once for each row. */
export interface MadeField<Row> {
  name: string;
  make: (row: Row) => unknown;
}

/** Makes the views of a table's rows, whatever the block. */
export type MakeViews<Row extends object, Links> = (
  table: TableReader,
  strings: StringTable,
  links: ReadLinks<Links>,
) => Row[];

/** For a kind of table: its views have one class, with a getter for each column. */
export function viewMaker<Row extends object, Links>(
  columns: Columns<Row, Links>,
  made?: MadeField<Row>,
): MakeViews<Row, Links> {
  class View {
    readonly table: ViewedTable<Row, Links>;
    readonly index: number;

    constructor(table: ViewedTable<Row, Links>, index: number) {
      this.table = table;
      this.index = index;
    }
  }
  for (const [column, name] of Object.keys(columns).entries()) {
    Object.defineProperty(View.prototype, name, {
      get(this: View) {
        return this.table.value(column, this.index);
      },
    });
  }
  if (made !== undefined) {
    Object.defineProperty(View.prototype, made.name, {
      get(this: View) {
        return this.table.made(this, this.index, made.make);
      },
    });
  }
  return (reader, strings, links) => {
    const table = new ViewedTable(columns, reader, strings, links);
    return Array.from({ length: reader.count }, (_, index) => new View(table, index) as unknown as Row);
  };
}
