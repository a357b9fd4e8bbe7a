/** Which rows events refer to, as numbers: by which column of events, and how. */
import type { ColumnBlock } from "../block/index.ts";
import { EVENT_COLUMN } from "./field.ts";
import type { Refs } from "./many/index.ts";

type PlainColumn = {
  [Name in keyof ColumnBlock["columns"]]: ColumnBlock["columns"][Name] extends Uint32Array ? Name : never;
}[keyof ColumnBlock["columns"]];

/** Columns by which an event refers to several rows. */
const LIST_COLUMNS = ["files", "records", "targets"] as const;

function isListColumn(name: string): name is (typeof LIST_COLUMNS)[number] {
  return (LIST_COLUMNS as readonly string[]).includes(name);
}

/** The rows of a column of FIELDS, each by its index plus one. */
export function refsOf(column: string): (block: ColumnBlock) => Refs {
  if (column === EVENT_COLUMN) return (block) => ({ rows: eachOf(block.count) });
  if (isListColumn(column)) return (block) => listsOf(block.columns[column]);
  return (block) => ({ rows: block.columns[column as PlainColumn] });
}

let counted = new Uint32Array(0);

/** 1, 2 and so on: rows that stand in their own order. */
export function eachOf(count: number): Uint32Array {
  if (counted.length < count) counted = Uint32Array.from({ length: count * 2 }, (_, index) => index + 1);
  return counted;
}

const NO_ROWS = new Uint32Array(0);

/** A list column of the block as sources have it. */
export function listsOf({ offsets, values }: ColumnBlock["columns"]["files"]): Refs {
  return { offsets, rows: values[0] ?? NO_ROWS };
}
