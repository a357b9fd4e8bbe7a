/** Fields of whole events, as rules of Sigma's categories ask for them: ECS fields, under Sigma's names as well. */
import type { ColumnBlock } from "../block/index.ts";
import {
  EVENT_COLUMN,
  FIELDS,
  type Field,
  formsOf,
  type ReadTexts,
  refsOf,
  type Source,
  type Texts,
} from "../predicate/index.ts";

/** Reads one field of FIELDS. */
function ecsReader(field: Field): ReadTexts {
  const { type } = field;
  const rowsOfBlock = viewsOf(field);
  return (block, row) => {
    const forms = formsOf(field, field.value(rowsOfBlock(block)[row] as never));
    return forms.some((form) => form === "" || form === type.none)
      ? forms.filter((form) => form !== "" && form !== type.none)
      : forms;
  };
}

/** Rows that are made for the asking are made once a block. */
function viewsOf(field: Field): (block: ColumnBlock) => readonly unknown[] {
  if (field.column !== EVENT_COLUMN) return (block) => field.views(block);
  const made = new WeakMap<ColumnBlock, readonly unknown[]>();
  return (block) => {
    let rows = made.get(block);
    if (rows === undefined) {
      rows = field.views(block);
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
  const columns = new Map<string, EventColumn>();
  for (const [name, field] of FIELDS) {
    const column = columns.get(field.column) ?? { readers: new Map(), strings: new Map() };
    columns.set(field.column, column);
    addField(column, name, field);
  }
  for (const [name, sigma] of names) {
    if (sigma.kind === "never") continue;
    const field = FIELDS.get(sigma.field);
    const column = field && columns.get(field.column);
    if (field === undefined || column === undefined) throw new Error(`no field ${sigma.field}`);
    if (sigma.kind === "read") column.readers.set(name, readerOf(field, sigma.read));
    else addField(column, name, field);
  }
  return Array.from(columns, ([name, { readers, strings }]): Source => {
    const isPerEvent = name === EVENT_COLUMN;
    if (isPerEvent) for (const time of TIMES) readers.set(time, readTime);
    if (keywords && !isPerEvent) readers.set("", keywordReader(name));
    return {
      isPerEvent,
      refs: refsOf(name),
      reader: (asked) => readers.get(asked),
      strings: (asked) => strings.get(asked),
    };
  });
}

/** Fields of one column of events. */
interface EventColumn {
  readers: Map<string, ReadTexts>;
  strings: Map<string, NonNullable<Field["strings"]>>;
}

function addField({ readers, strings }: EventColumn, name: string, field: Field): void {
  readers.set(name, ecsReader(field));
  const { type } = field;
  // Only texts that are compared as they are can be known by their numbers.
  if (field.strings !== undefined && type.form === String && type.none === undefined) strings.set(name, field.strings);
}

function readerOf(field: Field, read: (row: never) => Texts): ReadTexts {
  return (block, row) => read(field.views(block)[row] as never);
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
