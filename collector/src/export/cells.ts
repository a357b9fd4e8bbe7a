/** Columns of a file: fields by their ECS names, and their texts in an event. */
import type { ColumnBlock } from "@hosttrail/lib/block";
import { type Field, FIELDS, formsOf, refsOf } from "@hosttrail/lib/predicate";
import { nearest } from "@hosttrail/lib/spelling";

/** Fields of events that no filter asks for under this name. */
export const TIME_FIELD = "@timestamp";
export const ID_FIELD = "event.id";

/** The usual ones, in the order in which people read them. */
export const USUAL_FIELDS: readonly string[] = [
  TIME_FIELD,
  ID_FIELD,
  "host.id",
  "host.name",
  "event.action",
  "event.outcome",
  "user.name",
  "user.audit.name",
  "process.entity_id",
  "process.pid",
  "process.executable",
  "process.command_line",
  "process.parent.executable",
  "file.path",
  "source.ip",
  "destination.ip",
  "destination.port",
  "audit.key",
];
/** Columns of a file, at most. */
export const FIELDS_MAX = 100;

/** Fields that cannot be columns of a file. */
export class FieldsError extends Error {
  override readonly name = "FieldsError";
}

/** A column of a file. `cells` reads events of a block; most have one text or none. */
export interface FileColumn {
  name: string;
  /** True where an event may have several texts. */
  isList: boolean;
  cells(block: ColumnBlock): (event: number) => readonly string[];
}

/** The columns that are asked for; the usual ones where none is. Throws a FieldsError. */
export function columnsOf(names: readonly string[]): FileColumn[] {
  const wanted = names.length === 0 ? USUAL_FIELDS : names;
  if (wanted.length > FIELDS_MAX) throw new FieldsError(`${wanted.length} fields; at most ${FIELDS_MAX} are allowed`);
  const twice = wanted.find((name, at) => wanted.indexOf(name) !== at);
  if (twice !== undefined) throw new FieldsError(`field "${twice}" is named twice`);
  return wanted.map(columnOf);
}

function columnOf(name: string): FileColumn {
  if (name === ID_FIELD) return { name, isList: false, cells: (block) => (event) => [block.eventId(event)] };
  if (name === TIME_FIELD) {
    return { name, isList: false, cells: (block) => (event) => [isoTime(block.columns.time[event] ?? 0n)] };
  }
  const field = FIELDS.get(name);
  if (field === undefined) {
    throw new FieldsError(`unknown field "${name}"${nearest(name, [TIME_FIELD, ID_FIELD, ...FIELDS.keys()])}`);
  }
  return { name, isList: field.list || isOfSeveral(field), cells: (block) => cellsOf(field, block) };
}

/** Columns by which events refer to several rows. */
const SEVERAL: ReadonlySet<string> = new Set(["files", "records", "targets"]);

function isOfSeveral({ column }: Field): boolean {
  return SEVERAL.has(column);
}

const NONE: readonly string[] = [];

function cellsOf(field: Field, block: ColumnBlock): (event: number) => readonly string[] {
  const { rows, offsets } = refsOf(field.column)(block);
  const views = field.views(block);
  const known: (readonly string[] | undefined)[] = [];
  const textsOf = (row: number): readonly string[] => {
    if (row === 0) return NONE;
    return (known[row] ??= formsOf(field, field.value(views[row - 1] as never)).filter(
      (form) => form !== "" && form !== field.type.none,
    ));
  };
  return (event) => {
    if (offsets === undefined) return textsOf(rows[event] ?? 0);
    const texts = new Set<string>();
    for (let at = offsets[event] ?? 0; at < (offsets[event + 1] ?? 0); at++)
      for (const text of textsOf(rows[at] ?? 0)) texts.add(text);
    return [...texts];
  };
}

const NANOS_OF_SECOND = 1_000_000_000n;

/** RFC 3339 in UTC, with all nine digits of the nanoseconds. */
export function isoTime(timeNano: bigint): string {
  const nanos = ((timeNano % NANOS_OF_SECOND) + NANOS_OF_SECOND) % NANOS_OF_SECOND;
  const seconds = (timeNano - nanos) / NANOS_OF_SECOND;
  const date = new Date(Number(seconds) * 1000);
  // Of times that no calendar has, the number.
  if (Number.isNaN(date.getTime())) return String(timeNano);
  return `${date.toISOString().slice(0, -5)}.${String(nanos).padStart(9, "0")}Z`;
}
