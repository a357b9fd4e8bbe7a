/**
 * Fields of audit records by their names in auditd's log, as rules for `service: auditd` ask for them.
 *
 * Most of a record lies in a place of its own in the event and is read from there, decoded: hex is text, quotes are gone. What a record
 * keeps for itself is read from it. The upper-case names that auditd adds in an ENRICHED log are there for every host. Of PATH, `name`
 * is what the kernel wrote and the absolute path as well.
 */
import type { Endpoint, File, Process, User } from "@hosttrail/proto/event";
import { RECORD, readKept, recordTypeName, socketAddressValue } from "../audit/index.ts";
import type { ColumnBlock, TextName } from "../block/index.ts";
import { commandLineOf } from "./fields.ts";
import type { ReadTexts, Refs, Shape, Source, Texts } from "./many/index.ts";
import { eachOf, listsOf } from "./refs.ts";

/** What reads a field: the name of a row's own field where the text is that. */
type Reading<Row> = TextName<Row> | ((row: Row) => Texts);
type Readers<Row> = ReadonlyMap<string, Reading<Row>>;

function text(value: string | undefined): Texts {
  return value === undefined || value === "" ? undefined : value;
}

function number(value: number | undefined): Texts {
  return value === undefined ? undefined : String(value);
}

const UNSET = 0xffff_ffff;

/** As auditd writes a user's name: of a number without one there is `unset`. */
function name(id: number | undefined, known: string | undefined): Texts {
  if (id === UNSET) return "unset";
  return text(known);
}

const PROCESS_OF_CALL: Readers<Process> = new Map<string, Reading<Process>>([
  ["pid", (row: Process) => number(row.pid)],
  ["ppid", (row: Process) => number(row.parent?.pid)],
  ["comm", "name"],
  ["exe", "executable"],
  ["tty", "tty"],
  ["ses", (row: Process) => number(row.sessionId)],
  ["", (row: Process) => [row.name, row.executable]],
]);

const USER: Readers<User> = new Map([
  ["auid", (row: User) => number(row.auditId)],
  ["uid", (row: User) => number(row.id)],
  ["euid", (row: User) => number(row.effectiveId)],
  ["suid", (row: User) => number(row.savedId)],
  ["fsuid", (row: User) => number(row.filesystemId)],
  ["gid", (row: User) => number(row.group?.id)],
  ["egid", (row: User) => number(row.group?.effectiveId)],
  ["sgid", (row: User) => number(row.group?.savedId)],
  ["fsgid", (row: User) => number(row.group?.filesystemId)],
  ["AUID", (row: User) => name(row.auditId, row.auditName)],
  ["UID", (row: User) => name(row.id, row.name)],
  ["EUID", (row: User) => name(row.effectiveId, row.effectiveName)],
  ["SUID", (row: User) => name(row.savedId, nameOfId(row, row.savedId))],
  ["FSUID", (row: User) => name(row.filesystemId, nameOfId(row, row.filesystemId))],
  ["GID", (row: User) => text(row.group?.name)],
  ["EGID", (row: User) => (row.group?.effectiveId === row.group?.id ? text(row.group?.name) : undefined)],
  ["SGID", (row: User) => (row.group?.savedId === row.group?.id ? text(row.group?.name) : undefined)],
  ["FSGID", (row: User) => (row.group?.filesystemId === row.group?.id ? text(row.group?.name) : undefined)],
  ["", (row: User) => [row.name, row.effectiveName, row.auditName].filter((known) => known !== "")],
]);

function nameOfId({ id, effectiveId, name: own, effectiveName }: User, asked: number): string {
  if (asked === id) return own;
  return asked === effectiveId ? effectiveName : "";
}

type SyscallRow = ColumnBlock["syscalls"]["rows"][number];

const SYSCALL: Readers<SyscallRow> = new Map<string, Reading<SyscallRow>>([
  ["arch", (row: SyscallRow) => row.arch.toString(16)],
  ["syscall", (row: SyscallRow) => number(row.number)],
  ["success", "success"],
  ["items", (row: SyscallRow) => number(row.items)],
  ["ARCH", "archName"],
  ["SYSCALL", "name"],
  ["", "name"],
]);

const WORKING_DIRECTORY: Readers<Process> = new Map<string, Reading<Process>>([
  ["cwd", "workingDirectory"],
  ["", "workingDirectory"],
]);

function title(row: Process): Texts {
  return text(row.title.replaceAll("\0", " ")) ?? text(commandLineOf(row));
}

const TITLE: Readers<Process> = new Map([
  ["proctitle", title],
  ["", title],
]);

const EXECUTION: Readers<Process> = new Map([
  ["argc", (row: Process) => number(row.argsCount)],
  ["", (row: Process) => text(commandLineOf(row))],
]);

/** `a0` and so on, as many as a program may have. */
const ARGUMENT = /^a(0|[1-9]\d{0,6})$/;

function argumentReader(field: string): ((row: Process) => Texts) | undefined {
  const [, digits] = ARGUMENT.exec(field) ?? [];
  if (digits === undefined) return undefined;
  const index = Number(digits);
  return (row) => row.args[index];
}

const PATH: Readers<File> = new Map<string, Reading<File>>([
  ["item", (row: File) => number(row.item)],
  [
    "name",
    (row: File) => (row.name === row.path ? text(row.name) : [row.name, row.path].filter((path) => path !== "")),
  ],
  ["nametype", "nametype"],
  ["inode", (row: File) => (row.hasAttributes ? String(row.inode) : undefined)],
  ["dev", "device"],
  ["mode", (row: File) => (row.hasAttributes ? `0${row.mode.toString(8)}` : undefined)],
  ["ouid", (row: File) => (row.hasAttributes ? String(row.uid) : undefined)],
  ["ogid", (row: File) => (row.hasAttributes ? String(row.gid) : undefined)],
  ["rdev", "targetDevice"],
  ["OUID", (row: File) => (row.hasAttributes ? name(row.uid, row.owner) : undefined)],
  ["OGID", (row: File) => (row.hasAttributes ? name(row.gid, row.group) : undefined)],
  ["", (row: File) => [row.name, row.path].filter((path) => path !== "")],
]);

const SOCKET: Readers<Endpoint> = new Map<string, Reading<Endpoint>>([
  ["saddr", socketAddressValue],
  ["saddr_fam", (row: Endpoint) => text(row.family === "unix" ? "local" : row.family)],
  ["laddr", "ip"],
  ["lport", (row: Endpoint) => (row.ip === "" ? undefined : String(row.port))],
  ["path", "path"],
  ["SADDR", socketText],
  ["", (row: Endpoint) => [row.address, row.domain].filter((address) => address !== "")],
]);

/** As auditd 3 and later write it. */
function socketText({ family, ip, port, path }: Endpoint): Texts {
  if (ip !== "") return `{ saddr_fam=${family} laddr=${ip} lport=${port} }`;
  return path === "" ? undefined : `{ saddr_fam=local path=${path} }`;
}

type Tables = Pick<ColumnBlock, "processes" | "users" | "syscalls" | "endpoints" | "files">;
type RowOf<Table extends keyof Tables> = ColumnBlock[Table]["rows"][number];

function source<Table extends keyof Tables>(
  table: Table,
  refs: Source["refs"],
  readers: Readers<RowOf<Table>>,
  more?: (field: string) => ((row: RowOf<Table>) => Texts) | undefined,
): Source {
  return {
    isPerEvent: false,
    refs,
    reader(field): ReadTexts | undefined {
      const read = readers.get(field) ?? more?.(field);
      if (read === undefined) return undefined;
      const view = (block: ColumnBlock, row: number): RowOf<Table> => block[table].views[row] as RowOf<Table>;
      if (typeof read === "function") return (block, row) => read(view(block, row));
      return (block, row) => text(view(block, row)[read] as string);
    },
    strings(field) {
      const read = readers.get(field);
      if (typeof read !== "string") return undefined;
      return (block) => (block[table] as { numbers(name: string): Uint32Array }).numbers(read);
    },
  };
}

type PlainColumn = "process" | "user" | "syscall" | "source" | "destination";

function ofColumn(column: PlainColumn): Source["refs"] {
  return (block) => ({ rows: block.columns[column] });
}

const PROCESS_SOURCE = source("processes", ofColumn("process"), PROCESS_OF_CALL);
const USER_SOURCE = source("users", ofColumn("user"), USER);
const SYSCALL_SOURCE = source("syscalls", ofColumn("syscall"), SYSCALL);
const CWD_SOURCE = source("processes", ofColumn("process"), WORKING_DIRECTORY);
const TITLE_SOURCE = source("processes", ofColumn("process"), TITLE);
const EXECVE_SOURCE = source("processes", ofColumn("process"), EXECUTION, argumentReader);
const SOCKET_SOURCE = source("endpoints", socketOf, SOCKET);

function socketOf({ columns: { source: from, destination } }: ColumnBlock): Refs {
  return { rows: destination.map((row, event) => row || (from[event] ?? 0)) };
}

const NONE = new Uint32Array(0);

/** Types of records that only stand with some events. */
const TYPES = [RECORD.SYSCALL, RECORD.EXECVE, RECORD.CWD, RECORD.PROCTITLE, RECORD.SOCKADDR] as const;
type RecordType = (typeof TYPES)[number];

/** What the records of a block are, by their places in its column. */
interface Records {
  block: ColumnBlock;
  /** For each PATH record the row of its file, plus one. */
  files: Uint32Array;
  /** For each event the types of TYPES that it has, a bit each. */
  types: Uint8Array;
}

/** The block that was asked for last is asked for again and again. */
let last: Records | undefined;

function recordsOf(block: ColumnBlock): Records {
  if (last?.block === block) return last;
  const { offsets, values } = block.columns.records;
  const [rows = NONE] = values;
  const types = block.records.views.map((view) => view.type);
  const found: Records = { block, files: new Uint32Array(rows.length), types: new Uint8Array(block.count) };
  for (let event = 0; event < block.count; event++) {
    let item = 0;
    for (let at = offsets[event] ?? 0; at < (offsets[event + 1] ?? 0); at++) {
      const type = types[(rows[at] ?? 0) - 1];
      if (type === RECORD.PATH) found.files[at] = fileOfItem(block, event, item++);
      const known = TYPES.indexOf(type as RecordType);
      if (known >= 0) found.types[event] = (found.types[event] ?? 0) | (1 << known);
    }
  }
  last = found;
  return found;
}

/** The file of a PATH record: the n-th of them is about the file with item n, which most often stands at that place. */
function fileOfItem(block: ColumnBlock, event: number, item: number): number {
  const { offsets, values } = block.columns.files;
  const [rows = NONE] = values;
  const start = offsets[event] ?? 0;
  const end = offsets[event + 1] ?? 0;
  const direct = start + item < end ? (rows[start + item] ?? 0) : 0;
  const { views } = block.files;
  if (views[direct - 1]?.item === item) return direct;
  for (let at = start; at < end; at++) if (views[(rows[at] ?? 0) - 1]?.item === item) return rows[at] ?? 0;
  return 0;
}

/** The keys of the rules that matched: each is a text of the block. */
const KEYS_SOURCE: Source = {
  isPerEvent: false,
  refs: (block) => listsOf(block.columns.keys),
  reader: (field) =>
    field === "key" || field === "" ? (block, row) => text(block.strings.text(row + 1, "events.keys")) : undefined,
  strings: (field) => (field === "key" || field === "" ? (block) => eachOf(block.strings.count) : undefined),
};

/** Most registers are small numbers, or addresses that come once. */
const HEX = Array.from({ length: 4096 }, (_, value) => value.toString(16));

function argumentOf(block: ColumnBlock, event: number, index: number): Texts {
  const { offsets, values } = block.columns.arguments;
  const at = (offsets[event] ?? 0) + index;
  if (at >= (offsets[event + 1] ?? 0)) return undefined;
  const upper = values[1]?.[at] ?? 0;
  const lower = values[0]?.[at] ?? 0;
  if (upper === 0) return lower < HEX.length ? HEX[lower] : lower.toString(16);
  return upper.toString(16) + lower.toString(16).padStart(8, "0");
}

/** What is of one call alone: registers as auditd prints them, in hex, and what the call gave back. */
const CALL_SOURCE: Source = {
  isPerEvent: true,
  refs: (block) => ({ rows: eachOf(block.count) }),
  charactersOf: (field) => (field === "exit" ? /^-?[0-9]*$/ : /^[0-9a-f]*$/),
  reader(field) {
    if (field === "exit") return (block, row) => String(block.columns.exit[row] ?? 0n);
    const [, digits] = /^a([0-3])$/.exec(field) ?? [];
    return digits === undefined ? undefined : (block, row) => argumentOf(block, row, Number(digits));
  },
};

const EXIT_SOURCE: Source = {
  ...CALL_SOURCE,
  reader: (field) => (field === "exit" ? CALL_SOURCE.reader(field) : undefined),
};

/** What records keep for themselves. */
const KEPT: Pick<Source, "isPerEvent" | "reader" | "others"> = {
  isPerEvent: false,
  reader: () => undefined,
  others(block, row, wanted) {
    const record = block.records.views[row];
    return record === undefined ? NO_WORDS : readKept(record, wanted);
  },
};
const NO_WORDS: readonly (readonly [string, string])[] = [];

const KEPT_SOURCE: Source = {
  ...KEPT,
  refs: (block) => ({ rows: block.columns.records.values[0] ?? NONE, byRecord: true }),
};
const ALL_KEPT_SOURCE: Source = { ...KEPT, refs: (block) => listsOf(block.columns.records) };

const PATH_SOURCE = source("files", (block) => ({ rows: recordsOf(block).files, byRecord: true }), PATH);
const ALL_PATHS_SOURCE = source("files", (block) => listsOf(block.columns.files), PATH);

/** Only where the event has such a record: of other events the process may have the same fields, from elsewhere. */
function where(type: RecordType, all: Source): Source {
  const bit = 1 << TYPES.indexOf(type);
  return {
    ...all,
    refs(block) {
      const { types } = recordsOf(block);
      const rows = all.refs(block).rows.slice(0, block.count);
      for (let event = 0; event < rows.length; event++) if (((types[event] ?? 0) & bit) === 0) rows[event] = 0;
      return { rows };
    },
  };
}

const BY_TYPE: ReadonlyMap<number, readonly Source[]> = new Map([
  [RECORD.SYSCALL, [SYSCALL_SOURCE, PROCESS_SOURCE, USER_SOURCE, KEYS_SOURCE, CALL_SOURCE]],
  [RECORD.EXECVE, [EXECVE_SOURCE]],
  [RECORD.CWD, [CWD_SOURCE]],
  [RECORD.PROCTITLE, [TITLE_SOURCE]],
  [RECORD.PATH, [PATH_SOURCE]],
  [RECORD.SOCKADDR, [SOCKET_SOURCE]],
]);

/** A record of one type. Rules may also ask for fields of its whole event, by their ECS names. */
export function recordShape(type: number, ofEvent: readonly Source[]): Shape {
  const sources = [...(BY_TYPE.get(type) ?? []), KEPT_SOURCE, ...ofEvent];
  return { sources, constants: new Map([["type", [recordTypeName(type)]]]) };
}

/** All records of an event together: a field is that of any of them. The registers a0 to a3 are left out, since programs' arguments have these names. */
export function wholeShape(ofEvent: readonly Source[]): Shape {
  const { SYSCALL: call, EXECVE, CWD, PROCTITLE, SOCKADDR } = RECORD;
  return {
    sources: [
      ...[SYSCALL_SOURCE, PROCESS_SOURCE, USER_SOURCE, EXIT_SOURCE].map((each) => where(call, each)),
      KEYS_SOURCE,
      where(EXECVE, EXECVE_SOURCE),
      where(CWD, CWD_SOURCE),
      where(PROCTITLE, TITLE_SOURCE),
      where(SOCKADDR, SOCKET_SOURCE),
      ALL_PATHS_SOURCE,
      ALL_KEPT_SOURCE,
      ...ofEvent,
    ],
    constants: new Map(),
  };
}

/** Names that records are known to have, for who misspells one. */
export const RECORD_FIELDS: readonly string[] = [
  ...new Set(
    [PROCESS_OF_CALL, USER, SYSCALL, WORKING_DIRECTORY, TITLE, EXECUTION, PATH, SOCKET].flatMap((readers) => [
      ...readers.keys(),
    ]),
  ),
  ..."a0 a1 a2 a3 exit key type".split(" "),
].filter((field) => field !== "");

function fieldsOf(...sources: readonly Source[]): (field: string) => boolean {
  return (field) => sources.some((each) => each.reader(field) !== undefined);
}

/** Of types of records whose fields are all known: which ones they have. */
export const RECORD_FIELDS_BY_TYPE: ReadonlyMap<string, (field: string) => boolean> = new Map(
  Array.from(BY_TYPE, ([type, sources]) => [recordTypeName(type), fieldsOf(...sources)]),
);
