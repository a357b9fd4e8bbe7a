/** The kinds of column that a table can have: how a value is compared, collected, written and read. */
import type { AuditField, Label, Process, ProcessReference } from "@hosttrail/proto/event";
import { PARENTS_MAX } from "./limits.ts";
import { U32List } from "./list.ts";
import type { StringTable, StringTableBuilder } from "./strings.ts";
import { type Lists, sameTexts, type TableReader } from "./table.ts";
import { joinUnsigned, pushHalves, type WireWriter } from "./wire.ts";

/** Gives the row of another table that a column refers to; index 0 is "absent". */
export interface RowReader<Row> {
  /** Throws where the table and those that it refers to cannot be opened. */
  open(): void;
  row(index: number, place: string): Row | undefined;
  /** What the row comes to when it is written out; 0 for none. */
  bytesOf(index: number): number;
}

/** The values of one column, collected while a block is built. */
export interface ColumnState<Value> {
  /** Where `append` puts a row's numbers: all that tells two rows apart, and all that must be taken back of one. */
  readonly lists: readonly U32List[];
  /**
   * Adds what the value refers to, before any column of the row is appended: a process refers to a row of
   * its own table, its parent, which must be whole before it. Gives its index.
   */
  prepare?(value: Value): number;
  /** That index, for the `append` that comes next. */
  prepared?: number;
  append(value: Value): void;
  write(writer: WireWriter): void;
  /** Forgets all values, for the next block. */
  clear(): void;
}

/** One column (or the few that make up one value). `Links` are the tables that it may refer to. */
export interface Column<Value, Links> {
  same(a: Value, b: Value): boolean;
  collect(strings: StringTableBuilder, links: Links): ColumnState<Value>;
  read(table: TableReader, strings: StringTable, links: ReadLinks<Links>): (row: number) => Value;
  /** Of a column of small numbers, of strings or of rows: the number of each row's. */
  numbers?(table: TableReader): Uint32Array;
  /** Of a column of lists of strings: the numbers of each row's; of fields of records those of keys, values and bytes that are no text. */
  lists?(table: TableReader): Lists;
  /** False where `read`, or what it gives, may fail for a row. */
  scan(table: ColumnScan): boolean;
}

/** Looks at the columns of a table as `scan/` does: each is true where all rows of the column can be read. */
export interface ColumnScan {
  /** A u32 for each row. */
  numbers(field: number): boolean;
  /** A number of any size for each row. */
  varints(field: number): boolean;
  int64(field: number): boolean;
  texts(field: number): boolean;
  /** Rows of the other table of this name, which are a part of this one's. */
  link(field: number, name: string): boolean;
  /** Rows of this very table. */
  parents(field: number): boolean;
  /** How many items each row has, of the columns of items that are asked for next. */
  lists(lengthField: number): boolean;
  numberItems(field: number, most?: number): boolean;
  textItems(field: number): boolean;
}

/** For each linked table of the writing side, its reader. */
export type ReadLinks<Links> = {
  [Name in keyof Links]: Links[Name] extends RowAdder<infer Row> ? RowReader<Row> : never;
};

/** Adds a row to another table and gives its index, 0 for none. */
export interface RowAdder<Row> {
  add(row: Row | undefined): number;
  /** What the row of this index comes to when it is written out; 0 for none. */
  bytesOf(index: number): number;
}

const NONE = new Uint32Array(0);

function identical(a: unknown, b: unknown): boolean {
  return a === b;
}

type Pack = "packed" | "packedDeltas";

function simple<Value>(
  field: number,
  pack: Pack,
  encode: (value: Value, strings: StringTableBuilder) => number,
  decode: (value: number, strings: StringTable, place: string) => Value,
): Column<Value, unknown> {
  return {
    same: identical,
    collect(strings) {
      const values = new U32List();
      return {
        lists: [values],
        append: (value) => values.push(encode(value, strings)),
        write: (writer) => writer[pack](field, values),
        clear: () => values.clear(),
      };
    },
    read(table, strings) {
      const values = pack === "packed" ? table.numbers(field) : table.deltas(field);
      const place = `${table.place}.${field}`;
      return (row) => decode(values[row] ?? 0, strings, place);
    },
    numbers: (table) => (pack === "packed" ? table.numbers(field) : table.deltas(field)),
    scan: (table) => (pack === "packed" ? table.numbers(field) : table.varints(field)),
  };
}

/** A string, as its index in the string table. */
export function text(field: number): Column<string, unknown> {
  return {
    same: identical,
    collect(strings) {
      const values = new U32List();
      const { budget } = strings;
      // Most columns repeat themselves from row to row, which saves a look-up.
      let last = "";
      let lastIndex = 0;
      return {
        lists: [values],
        append(value) {
          if (value !== last) {
            lastIndex = strings.text(value);
            last = value;
          }
          values.push(budget.spend(value.length) ? lastIndex : 0);
        },
        write: (writer) => writer.packed(field, values),
        clear() {
          values.clear();
          last = "";
          lastIndex = 0;
        },
      };
    },
    read(table, strings) {
      const values = table.numbers(field);
      const place = `${table.place}.${field}`;
      return (row) => strings.shown(values[row] ?? 0, place);
    },
    numbers: (table) => table.numbers(field),
    scan: (table) => table.texts(field),
  };
}

/** A u32. */
export function number(field: number): Column<number, unknown> {
  return simple<number>(
    field,
    "packed",
    (value) => value,
    (value) => value,
  );
}

/** A u32 that is near the one of the row before. */
export function delta(field: number): Column<number, unknown> {
  return simple<number>(
    field,
    "packedDeltas",
    (value) => value,
    (value) => value,
  );
}

export function flag(field: number): Column<boolean, unknown> {
  return simple<boolean>(
    field,
    "packed",
    (value) => (value ? 1 : 0),
    (value) => value !== 0,
  );
}

/** A u64, as two columns of its halves. */
export function halves(lowField: number, highField: number): Column<bigint, unknown> {
  return {
    same: identical,
    collect() {
      const low = new U32List();
      const high = new U32List();
      return {
        lists: [low, high],
        append: (value) => pushHalves(value, low, high),
        write(writer) {
          writer.packed(lowField, low);
          writer.packed(highField, high);
        },
        clear() {
          low.clear();
          high.clear();
        },
      };
    },
    read(table) {
      const low = table.numbers(lowField);
      const high = table.numbers(highField);
      return (row) => joinUnsigned(low[row] ?? 0, high[row] ?? 0);
    },
    scan: (table) => table.numbers(lowField) && table.numbers(highField),
  };
}

/** An i64, most often a time, as an Int64Column. */
export function int64(field: number): Column<bigint, unknown> {
  return {
    same: identical,
    collect() {
      const low = new U32List();
      const high = new U32List();
      return {
        lists: [low, high],
        append: (value) => pushHalves(value, low, high),
        write: (writer) => writer.int64Column(field, low, high),
        clear() {
          low.clear();
          high.clear();
        },
      };
    },
    read(table) {
      const values = table.int64(field);
      return (row) => values[row] ?? 0n;
    },
    scan: (table) => table.int64(field),
  };
}

/** A list of strings. */
export function texts(lengthField: number, field: number): Column<string[], unknown> {
  return {
    same: sameTexts,
    collect(strings) {
      const lengths = new U32List();
      const values = new U32List();
      return {
        lists: [lengths, values],
        append(list) {
          const length = strings.budget.spendItems(list.length);
          lengths.push(length);
          for (let at = 0; at < length; at++) values.push(strings.shown(list[at] ?? ""));
        },
        write(writer) {
          writer.packed(lengthField, lengths);
          writer.packed(field, values);
        },
        clear() {
          lengths.clear();
          values.clear();
        },
      };
    },
    read(table, strings) {
      const { offsets, values } = table.lists(lengthField, field);
      const [items = NONE] = values;
      const place = `${table.place}.${field}`;
      return (row) => slice(offsets, row, strings, (at) => strings.shown(items[at] ?? 0, place));
    },
    lists: (table) => table.lists(lengthField, field),
    scan: (table) => table.lists(lengthField) && table.textItems(field),
  };
}

/** The labels of a host. */
export function labels(lengthField: number, keyField: number, valueField: number): Column<Label[], unknown> {
  return {
    same: (a, b) =>
      a === b ||
      (a.length === b.length && a.every((label, at) => label.key === b[at]?.key && label.value === b[at]?.value)),
    collect(strings) {
      const lengths = new U32List();
      const keys = new U32List();
      const values = new U32List();
      return {
        lists: [lengths, keys, values],
        append(list) {
          const length = strings.budget.spendItems(list.length);
          lengths.push(length);
          for (let at = 0; at < length; at++) {
            keys.push(strings.shown(list[at]?.key ?? ""));
            values.push(strings.shown(list[at]?.value ?? ""));
          }
        },
        write(writer) {
          writer.packed(lengthField, lengths);
          writer.packed(keyField, keys);
          writer.packed(valueField, values);
        },
        clear() {
          for (const list of [lengths, keys, values]) list.clear();
        },
      };
    },
    read(table, strings) {
      const { offsets, values } = table.lists(lengthField, keyField, valueField);
      const [keys = NONE, texts = NONE] = values;
      const place = `${table.place}.${keyField}`;
      return (row) =>
        slice(offsets, row, strings, (at) => ({
          key: strings.shown(keys[at] ?? 0, place),
          value: strings.shown(texts[at] ?? 0, place),
        }));
    },
    scan: (table) => table.lists(lengthField) && table.textItems(keyField) && table.textItems(valueField),
  };
}

/** A reference to a row of another table, or to none. */
export function link<Row, Name extends string>(
  field: number,
  name: Name,
): Column<Row | undefined, Record<Name, RowAdder<Row>>> {
  return {
    same: identical,
    collect(strings, links) {
      const values = new U32List();
      const target = links[name];
      const state: ColumnState<Row | undefined> = {
        lists: [values],
        prepare: (row) => target.add(row),
        prepared: 0,
        append() {
          const index = state.prepared ?? 0;
          values.push(strings.budget.spend(target.bytesOf(index)) ? index : 0);
        },
        write: (writer) => writer.packed(field, values),
        clear: () => values.clear(),
      };
      return state;
    },
    read(table, strings, readLinks) {
      const values = table.numbers(field);
      const target = readLinks[name] as RowReader<Row>;
      const place = `${table.place}.${field}`;
      return (row) => linked(target, values[row] ?? 0, place, strings);
    },
    numbers: (table) => table.numbers(field),
    scan: (table) => table.link(field, name),
  };
}

/** The row that another one refers to: written out, it is a part of that. */
function linked<Row>(target: RowReader<Row>, index: number, place: string, { budget }: StringTable): Row | undefined {
  const row = target.row(index, place);
  budget.spend(target.bytesOf(index), place);
  return row;
}

/** The parent of a process, a row of the same table that comes before it. */
export function parent(field: number): Column<Process | undefined, { processes: RowAdder<Process> }> {
  const plain = link<Process, "processes">(field, "processes");
  return {
    ...plain,
    collect(strings, links) {
      const inner = plain.collect(strings, links);
      // Parents above each row.
      const depths = new U32List();
      const state: ColumnState<Process | undefined> = {
        ...inner,
        lists: [...inner.lists, depths],
        append(row) {
          const index = state.prepared ?? 0;
          const depth = index === 0 ? 0 : (depths.values[index - 1] ?? 0) + 1;
          const fits = depth <= PARENTS_MAX;
          if (!fits) strings.budget.leftOut++;
          depths.push(fits ? depth : 0);
          inner.prepared = fits ? index : 0;
          inner.append(row);
        },
        clear() {
          inner.clear();
          depths.clear();
        },
      };
      return state;
    },
    read(table, strings, links) {
      const values = table.numbers(field);
      const place = `${table.place}.${field}`;
      // Parents above each row. Also met by a row that refers to itself or to a later one, which would make a ring.
      const depths = new Uint8Array(values.length);
      for (let row = 0; row < values.length; row++) {
        const above = values[row] ?? 0;
        if (above === 0) continue;
        if (above > row) table.fail(`${field}`, `row ${above} of ${table.count} or not yet there`);
        const depth = (depths[above - 1] ?? 0) + 1;
        if (depth > PARENTS_MAX) table.fail(`${field}`, `more than ${PARENTS_MAX} parents, one above the other`);
        depths[row] = depth;
      }
      return (row) => linked(links.processes, values[row] ?? 0, place, strings);
    },
    scan: (table) => table.parents(field),
  };
}

/** The ancestry of a process: one row of the table that holds whole lists. */
export function ancestry(field: number): Column<ProcessReference[], AncestryLink> {
  return {
    same: identical,
    collect(strings, links) {
      const values = new U32List();
      return {
        lists: [values],
        append(list) {
          const index = links.ancestries.add(list);
          values.push(strings.budget.spend(links.ancestries.bytesOf(index)) ? index : 0);
        },
        write: (writer) => writer.packed(field, values),
        clear: () => values.clear(),
      };
    },
    read(table, strings, links) {
      const values = table.numbers(field);
      const place = `${table.place}.${field}`;
      return (row) => linked(links.ancestries, values[row] ?? 0, place, strings) ?? [];
    },
    numbers: (table) => table.numbers(field),
    scan: (table) => table.link(field, "ancestries"),
  };
}

/** The table that `ancestry` refers to. */
export type AncestryLink = { ancestries: RowAdder<ProcessReference[]> };

/** The fields of a record that have no place of their own. */
export function recordFields(
  lengthField: number,
  keyField: number,
  valueField: number,
  bytesField: number,
): Column<AuditField[], unknown> {
  return {
    same: (a, b) => a === b || (a.length === b.length && a.every((field, at) => sameField(field, b[at]))),
    collect(strings) {
      const lengths = new U32List();
      const keys = new U32List();
      const values = new U32List();
      const bytes = new U32List();
      return {
        lists: [lengths, keys, values, bytes],
        append(list) {
          const length = strings.budget.spendItems(list.length);
          lengths.push(length);
          for (let at = 0; at < length; at++) {
            const field = list[at] as AuditField;
            keys.push(strings.shown(field.key));
            values.push(strings.shown(field.value));
            bytes.push(strings.binary(field.valueBytes));
          }
        },
        write(writer) {
          writer.packed(lengthField, lengths);
          writer.packed(keyField, keys);
          writer.packed(valueField, values);
          writer.packed(bytesField, bytes);
        },
        clear() {
          for (const list of [lengths, keys, values, bytes]) list.clear();
        },
      };
    },
    read(table, strings) {
      const { offsets, values } = table.lists(lengthField, keyField, valueField, bytesField);
      const [keys = NONE, texts = NONE, bytes = NONE] = values;
      const place = `${table.place}.${keyField}`;
      return (row) =>
        slice(offsets, row, strings, (at) => ({
          key: strings.shown(keys[at] ?? 0, place),
          value: strings.shown(texts[at] ?? 0, place),
          valueBytes: strings.binary(bytes[at] ?? 0, place),
        }));
    },
    lists: (table) => table.lists(lengthField, keyField, valueField, bytesField),
    // Bytes that are no text are too rare to be looked at here.
    scan: (table) =>
      table.lists(lengthField) &&
      table.textItems(keyField) &&
      table.textItems(valueField) &&
      table.numberItems(bytesField, 0),
  };
}

function sameField(a: AuditField, b: AuditField | undefined): boolean {
  // Bytes are rare: rows that have them are found by their indexes.
  return a.key === b?.key && a.value === b.value && a.valueBytes.length === 0 && b.valueBytes.length === 0;
}

/** The items of one row of a list column. */
export function slice<Item>(
  offsets: Uint32Array,
  row: number,
  { budget }: StringTable,
  item: (at: number) => Item,
): Item[] {
  const end = offsets[row + 1] ?? 0;
  const start = offsets[row] ?? 0;
  if (end === start) return [];
  budget.countItems(end - start);
  const items: Item[] = [];
  for (let at = start; at < end; at++) items.push(item(at));
  return items;
}
