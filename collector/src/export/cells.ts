/** Columns of a file: fields by their ECS names, and their texts in an event. */
import { EVENT_COLUMN, type Field, FIELDS, type FieldValue, formsOf } from "@hosttrail/lib/predicate";
import { nearest } from "@hosttrail/lib/spelling";
import type { Event } from "@hosttrail/proto/event";

export const TIME_FIELD = "@timestamp";

/** The usual ones, in the order in which people read them. */
const USUAL_FIELDS: readonly string[] = [
  TIME_FIELD,
  "event.id",
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
const FIELDS_MAX = 100;

/** Fields that cannot be columns of a file. */
export class FieldsError extends Error {
  override readonly name = "FieldsError";
}

/** A column of a file. */
export interface FileColumn {
  name: string;
  /** True where an event may have several texts. */
  isList: boolean;
  /** Most events have one or none. */
  texts(event: Event): readonly string[];
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
  const field = FIELDS.get(name);
  if (field === undefined) throw new FieldsError(`unknown field "${name}"${nearest(name, FIELDS.keys())}`);
  const values = valuesOf(name, field);
  const isOfSeveral = SEVERAL.has(field.column);
  return {
    name,
    isList: field.list || isOfSeveral,
    texts(event) {
      const texts = values(event).flatMap((value) => formsOf(field, value));
      const said = texts.filter((text) => text !== "" && text !== field.type.none);
      // Rows of an event have the same text again and again; arguments are as they are.
      return isOfSeveral && said.length > 1 ? [...new Set(said)] : said;
    },
  };
}

/** Columns by which events refer to several rows. */
const SEVERAL: ReadonlySet<string> = new Set(["files", "records", "targets"]);

/** The rows of an event in each column of fields. */
const ROWS: Readonly<Record<string, (event: Event) => readonly unknown[]>> = {
  kind: ({ event }) => one(event),
  host: ({ host }) => one(host),
  process: ({ process }) => one(process),
  targets: ({ targets }) => targets,
  user: ({ user }) => one(user),
  files: ({ files }) => files,
  source: ({ source }) => one(source),
  destination: ({ destination }) => one(destination),
  container: ({ container }) => one(container),
  cloud: ({ cloud }) => one(cloud),
  syscall: ({ audit }) => one(audit?.syscall),
  records: ({ audit }) => audit?.records ?? [],
};

function one<Row>(row: Row | undefined): readonly Row[] {
  return row === undefined ? [] : [row];
}

/** Fields of the event itself, which blocks have in columns of their own. */
const OWN: Readonly<Record<string, (event: Event) => FieldValue>> = {
  "event.id": ({ id }) => id,
  "event.time": ({ event }) => event?.timeUnixNano,
  "@timestamp": ({ event }) => event?.timeUnixNano,
  "event.sequence": ({ event }) => event?.sequence,
  "process.uptime": ({ event, process }) =>
    event === undefined || !process?.startUnixNano ? undefined : event.timeUnixNano - process.startUnixNano,
  "audit.key": ({ audit }) => audit?.keys,
  "audit.serial": ({ audit }) => audit?.serial,
  "audit.exit": ({ audit }) => audit?.syscall?.exit,
  "audit.redacted": ({ audit }) => audit?.redacted,
};

function valuesOf(name: string, field: Field): (event: Event) => readonly FieldValue[] {
  if (field.column === EVENT_COLUMN) {
    const own = OWN[name];
    if (own === undefined) throw new FieldsError(`field "${name}" cannot be a column of a file`);
    return (event) => [own(event)];
  }
  const rows = ROWS[field.column];
  if (rows === undefined) throw new FieldsError(`field "${name}" cannot be a column of a file`);
  return (event) => rows(event).map((row) => field.value(row as never));
}

const NANOS_OF_SECOND = 1_000_000_000n;

/** RFC 3339 in UTC, with all nine digits of the nanoseconds. */
export function isoTime(timeNano: bigint): string {
  const nanos = ((timeNano % NANOS_OF_SECOND) + NANOS_OF_SECOND) % NANOS_OF_SECOND;
  const date = new Date(Number((timeNano - nanos) / NANOS_OF_SECOND) * 1000);
  return `${date.toISOString().slice(0, -5)}.${String(nanos).padStart(9, "0")}Z`;
}
