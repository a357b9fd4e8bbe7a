/**
 * Fields of audit records by their names in auditd's log, as rules for `service: auditd` ask for them.
 *
 * Most of a record lies in a place of its own in the event and is read from there, decoded: hex is text, quotes are gone. What a record
 * keeps for itself is read from it. The upper-case names that auditd adds in an ENRICHED log are there for every host. Of PATH, `name`
 * is what the kernel wrote and the absolute path as well.
 */
import type { Endpoint, File, Process, User } from "@hosttrail/proto/event";
import { RECORD, readKept, recordTypeName, socketAddressValue } from "../audit/index.ts";
import type { ColumnBlock } from "../block/index.ts";
import type { ReadTexts, Shape, Source, Texts } from "../predicate/index.ts";

type Readers<Row> = ReadonlyMap<string, (row: Row) => Texts>;

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

const PROCESS_OF_CALL: Readers<Process> = new Map([
  ["pid", (row: Process) => number(row.pid)],
  ["ppid", (row: Process) => number(row.parent?.pid)],
  ["comm", (row: Process) => text(row.name)],
  ["exe", (row: Process) => text(row.executable)],
  ["tty", (row: Process) => text(row.tty)],
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

const SYSCALL: Readers<SyscallRow> = new Map([
  ["arch", (row: SyscallRow) => row.arch.toString(16)],
  ["syscall", (row: SyscallRow) => number(row.number)],
  ["success", (row: SyscallRow) => text(row.success)],
  ["items", (row: SyscallRow) => number(row.items)],
  ["ARCH", (row: SyscallRow) => text(row.archName)],
  ["SYSCALL", (row: SyscallRow) => text(row.name)],
  ["", (row: SyscallRow) => text(row.name)],
]);

const WORKING_DIRECTORY: Readers<Process> = new Map([
  ["cwd", (row: Process) => text(row.workingDirectory)],
  ["", (row: Process) => text(row.workingDirectory)],
]);

function title(row: Process): Texts {
  return text(row.title.replaceAll("\0", " ")) ?? text(row.args.join(" "));
}

const TITLE: Readers<Process> = new Map([
  ["proctitle", title],
  ["", title],
]);

const EXECUTION: Readers<Process> = new Map([
  ["argc", (row: Process) => number(row.argsCount)],
  ["", (row: Process) => text(row.args.join(" "))],
]);

/** `a0` and so on, as many as a program may have. */
const ARGUMENT = /^a(0|[1-9]\d{0,6})$/;

function argumentReader(field: string): ((row: Process) => Texts) | undefined {
  const [, digits] = ARGUMENT.exec(field) ?? [];
  if (digits === undefined) return undefined;
  const index = Number(digits);
  return (row) => row.args[index];
}

const PATH: Readers<File> = new Map([
  ["item", (row: File) => number(row.item)],
  [
    "name",
    (row: File) => (row.name === row.path ? text(row.name) : [row.name, row.path].filter((path) => path !== "")),
  ],
  ["nametype", (row: File) => text(row.nametype)],
  ["inode", (row: File) => (row.hasAttributes ? String(row.inode) : undefined)],
  ["dev", (row: File) => text(row.device)],
  ["mode", (row: File) => (row.hasAttributes ? `0${row.mode.toString(8)}` : undefined)],
  ["ouid", (row: File) => (row.hasAttributes ? String(row.uid) : undefined)],
  ["ogid", (row: File) => (row.hasAttributes ? String(row.gid) : undefined)],
  ["rdev", (row: File) => text(row.targetDevice)],
  ["OUID", (row: File) => (row.hasAttributes ? name(row.uid, row.owner) : undefined)],
  ["OGID", (row: File) => (row.hasAttributes ? name(row.gid, row.group) : undefined)],
  ["", (row: File) => [row.name, row.path].filter((path) => path !== "")],
]);

const SOCKET: Readers<Endpoint> = new Map([
  ["saddr", socketAddressValue],
  ["saddr_fam", (row: Endpoint) => text(row.family === "unix" ? "local" : row.family)],
  ["laddr", (row: Endpoint) => text(row.ip)],
  ["lport", (row: Endpoint) => (row.ip === "" ? undefined : String(row.port))],
  ["path", (row: Endpoint) => text(row.path)],
  ["SADDR", socketText],
  ["", (row: Endpoint) => [row.address, row.domain].filter((address) => address !== "")],
]);

/** As auditd 3 and later write it. */
function socketText({ family, ip, port, path }: Endpoint): Texts {
  if (ip !== "") return `{ saddr_fam=${family} laddr=${ip} lport=${port} }`;
  return path === "" ? undefined : `{ saddr_fam=local path=${path} }`;
}

function source<Row>(
  rows: (block: ColumnBlock) => readonly Row[],
  rowsOf: Source["rowsOf"],
  readers: Readers<Row>,
  more?: (field: string) => ((row: Row) => Texts) | undefined,
): Source {
  return {
    isPerEvent: false,
    rowsOf,
    reader(field): ReadTexts | undefined {
      const read = readers.get(field) ?? more?.(field);
      return read && ((block, row) => read(rows(block)[row] as Row));
    },
  };
}

type PlainColumn = "process" | "user" | "syscall" | "source" | "destination";

function ofColumn(column: PlainColumn): Source["rowsOf"] {
  return (block, event) => block.columns[column][event] ?? 0;
}

const processes = (block: ColumnBlock): readonly Process[] => block.processes.rows;
const PROCESS_SOURCE = source(processes, ofColumn("process"), PROCESS_OF_CALL);
const USER_SOURCE = source((block) => block.users.rows, ofColumn("user"), USER);
const SYSCALL_SOURCE = source((block) => block.syscalls.rows, ofColumn("syscall"), SYSCALL);
const CWD_SOURCE = source(processes, ofColumn("process"), WORKING_DIRECTORY);
const TITLE_SOURCE = source(processes, ofColumn("process"), TITLE);
const EXECVE_SOURCE = source(processes, ofColumn("process"), EXECUTION, argumentReader);
const SOCKET_SOURCE = source(
  (block) => block.endpoints.rows,
  (block, event) => block.columns.destination[event] || (block.columns.source[event] ?? 0),
  SOCKET,
);

const NONE = new Uint32Array(0);

/** Rows of a list column, by their indexes plus one. */
function itemsOf(block: ColumnBlock, column: "files" | "records" | "keys", event: number): Uint32Array {
  const { offsets, values } = block.columns[column];
  return (values[0] ?? NONE).subarray(offsets[event] ?? 0, offsets[event + 1] ?? 0);
}

/** The keys of the rules that matched: each is a text of the block. */
const KEYS_SOURCE: Source = {
  isPerEvent: false,
  rowsOf: (block, event) => itemsOf(block, "keys", event),
  reader: (field) =>
    field === "key" || field === "" ? (block, row) => text(block.strings.text(row + 1, "events.keys")) : undefined,
};

function argumentOf(block: ColumnBlock, event: number, index: number): Texts {
  const { offsets, values } = block.columns.arguments;
  const [low = NONE, high = NONE] = values;
  const at = (offsets[event] ?? 0) + index;
  if (at >= (offsets[event + 1] ?? 0)) return undefined;
  const upper = high[at] ?? 0;
  const lower = (low[at] ?? 0).toString(16);
  return upper === 0 ? lower : upper.toString(16) + lower.padStart(8, "0");
}

/** What is of one call alone: registers as auditd prints them, in hex, and what the call gave back. */
const CALL_SOURCE: Source = {
  isPerEvent: true,
  rowsOf: (_block, event) => event + 1,
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
  *others(block, row) {
    const record = block.records.rows[row];
    if (record === undefined) return;
    for (const [field, value] of readKept(record)) {
      if (value === "") continue;
      if (field !== "") yield [field, value];
      yield ["", value];
    }
  },
};

const KEPT_SOURCE: Source = {
  ...KEPT,
  rowsOf: (block, event, record) => itemsOf(block, "records", event)[record] ?? 0,
};
const ALL_KEPT_SOURCE: Source = { ...KEPT, rowsOf: (block, event) => itemsOf(block, "records", event) };

const files = (block: ColumnBlock): readonly File[] => block.files.rows;
const PATH_SOURCE = source(files, fileOfRecord, PATH);
const ALL_PATHS_SOURCE = source(files, (block, event) => itemsOf(block, "files", event), PATH);

/** The file of a PATH record: the n-th of them is about the file with item n. */
function fileOfRecord(block: ColumnBlock, event: number, record: number): number {
  let item = 0;
  const records = itemsOf(block, "records", event);
  for (let at = 0; at < record; at++) if (block.records.rows[(records[at] ?? 0) - 1]?.type === RECORD.PATH) item++;
  const rows = itemsOf(block, "files", event);
  const direct = rows[item] ?? 0;
  if (block.files.rows[direct - 1]?.item === item) return direct;
  return rows.find((row) => block.files.rows[row - 1]?.item === item) ?? 0;
}

/** Only where the event has such a record: of other events the process may have the same fields, from elsewhere. */
function where(type: number, { rowsOf, ...rest }: Source): Source {
  return {
    ...rest,
    rowsOf(block, event, record) {
      for (const row of itemsOf(block, "records", event))
        if (block.records.rows[row - 1]?.type === type) return rowsOf(block, event, record);
      return 0;
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

/** Types of an event's records. */
export function recordTypesOf(block: ColumnBlock, event: number): number[] {
  return Array.from(itemsOf(block, "records", event), (row) => block.records.rows[row - 1]?.type ?? 0);
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
