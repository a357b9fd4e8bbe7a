/** Fields of whole events, as rules of Sigma's categories ask for them: ECS fields, under Sigma's names as well. */
import type { ColumnBlock } from "../block/index.ts";
import {
  EVENT_COLUMN,
  FIELDS,
  type Field,
  formsOf,
  type ReadTexts,
  type RowLists,
  type Source,
  type Texts,
} from "../predicate/index.ts";

/** Reads one field of FIELDS. */
function ecsReader(field: Field): ReadTexts {
  const { type } = field;
  const rowsOfBlock = rowsReader(field);
  return (block, row) => {
    const forms = formsOf(field, field.value(rowsOfBlock(block)[row] as never));
    return forms.some((form) => form === "" || form === type.none)
      ? forms.filter((form) => form !== "" && form !== type.none)
      : forms;
  };
}

/** Rows that are made for the asking are made once a block. */
function rowsReader(field: Field): (block: ColumnBlock) => readonly unknown[] {
  if (field.column !== EVENT_COLUMN) return (block) => field.rows(block);
  const made = new WeakMap<ColumnBlock, readonly unknown[]>();
  return (block) => {
    let rows = made.get(block);
    if (rows === undefined) {
      rows = field.rows(block);
      made.set(block, rows);
    }
    return rows;
  };
}

/** When the kernel saw it, in UTC. */
export const TIMES: ReadonlySet<string> = new Set(["@timestamp", "UtcTime", "EventTime", "TimeCreated"]);

function readTime(block: ColumnBlock, row: number): Texts {
  return new Date(Number((block.columns.time[row] ?? 0n) / 1_000_000n)).toISOString();
}

/**
 * The columns of events as sources. `names` gives further names: for each, a field of FIELDS or what reads it, and the column it is of.
 */
export function eventSources(names: ReadonlyMap<string, SigmaField>, keywords = false): Source[] {
  const columns = new Map<string, { field: Field; readers: Map<string, ReadTexts> }>();
  for (const [name, field] of FIELDS) {
    const column = columns.get(field.column) ?? { field, readers: new Map<string, ReadTexts>() };
    columns.set(field.column, column);
    column.readers.set(name, ecsReader(field));
  }
  for (const [name, sigma] of names) {
    if (sigma.kind === "never") continue;
    const field = FIELDS.get(sigma.field);
    const column = field && columns.get(field.column);
    if (field === undefined || column === undefined) throw new Error(`no field ${sigma.field}`);
    column.readers.set(name, sigma.kind === "read" ? readerOf(field, sigma.read) : ecsReader(field));
  }
  return Array.from(columns, ([name, { field, readers }]): Source => {
    const isPerEvent = name === EVENT_COLUMN;
    if (isPerEvent) for (const time of TIMES) readers.set(time, readTime);
    if (keywords && !isPerEvent) readers.set("", keywordReader(name));
    const reader = (asked: string): ReadTexts | undefined => readers.get(asked);
    if (isListColumn(name))
      return { isPerEvent, rowOf: () => 1, lists: (block) => listsOf(block.columns[name]), reader };
    return { isPerEvent, rowOf: (block, event) => field.rowsOf(block, event) as number, reader };
  });
}

/** Columns by which an event refers to several rows. */
const LIST_COLUMNS = ["files", "records", "targets"] as const;

function isListColumn(name: string): name is (typeof LIST_COLUMNS)[number] {
  return (LIST_COLUMNS as readonly string[]).includes(name);
}

/** A list column of the block as sources have it. */
export function listsOf({ offsets, values }: ColumnBlock["columns"]["files"]): RowLists {
  return { offsets, rows: values[0] ?? NO_ROWS };
}

const NO_ROWS = new Uint32Array(0);

function readerOf(field: Field, read: (row: never) => Texts): ReadTexts {
  return (block, row) => read(field.rows(block)[row] as never);
}

/** What a name of Sigma's stands for. */
export type SigmaField =
  /** A field of ECS. */
  | { kind: "field"; field: string }
  /** What is read from the rows that a field of ECS is of; `isWhole` where its texts are values of that field as they are. */
  | { kind: "read"; field: string; read: (row: never) => Texts; what: string; isWhole?: boolean }
  /** What no audit event tells. */
  | { kind: "never"; why: string };

/** Fields that a keyword is looked for in, by column. */
const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  process: ["process.command_line", "process.title", "process.executable", "process.name", "process.working_directory"],
  files: ["file.path"],
  user: ["user.name", "user.effective.name", "user.audit.name", "user.target.name"],
  source: ["source.address", "source.domain"],
  destination: ["destination.address", "destination.domain"],
  syscall: ["audit.syscall"],
};

function keywordReader(column: string): ReadTexts {
  const readers = (KEYWORDS[column] ?? []).flatMap((name) => {
    const field = FIELDS.get(name);
    return field === undefined ? [] : [ecsReader(field)];
  });
  return (block, row) =>
    readers.flatMap((read) => {
      const texts = read(block, row);
      return texts === undefined ? [] : typeof texts === "string" ? [texts] : [...texts];
    });
}
