/** The fields that a filter may name, and where in a block each one lies. */
import type { ColumnBlock, ProcessOrView, TextName } from "../block/index.ts";
import {
  archNames,
  ERRNO,
  READ_FIELDS,
  type ReadField,
  RECORD_TYPE,
  readRecord,
  recordTypeName,
  syscallNames,
} from "../audit/index.ts";
import * as types from "./types.ts";
import * as vocabulary from "./vocabulary.ts";

/** A value to compare with; a list matches where one of its items does. */
export type FieldValue = string | number | bigint | undefined | readonly (string | number | bigint | undefined)[];

/**
 * A field. `rows` are the distinct rows of its table and `value` reads one; `rowsOf` gives the rows that an event
 * refers to, as indexes plus one. So a comparison is decided once for each distinct row.
 */
export interface Field {
  /** What events refer to its rows by: fields of one column have the same rows. */
  column: string;
  rows(block: ColumnBlock): readonly unknown[];
  /** The same rows for those who ask a few fields of them: only these are read. */
  views(block: ColumnBlock): readonly unknown[];
  value(row: never): FieldValue;
  /** For a field whose values are strings of the block: their numbers there, by row; 0 is the empty one. */
  strings?: (block: ColumnBlock) => Uint32Array;
  rowsOf(block: ColumnBlock, event: number): number | Uint32Array;
  /** What its values are. */
  type: types.FieldType;
  /** True where an event has several of them, each one for itself: a filter asks for a whole one. */
  list: boolean;
  /** True where a sieve is told its whole values. */
  indexed: boolean;
  /** The group of a sieve in which parts of its values can be asked for. */
  group: number | undefined;
  /** True where another field of the group has these texts in its own, so that a sieve needs no telling of them. */
  covered: boolean;
}

/** Groups of texts in a sieve: those that are alike share their trigrams. */
const ARGUMENTS = 0;
const PATHS = 1;
const NAMES = 2;

/** What there is to say about a field beside where it lies. */
interface Kind {
  type?: types.FieldType;
  list?: boolean;
  indexed?: boolean;
  group?: number;
  covered?: boolean;
}

function kindOf(kind: Kind): Pick<Field, "type" | "list" | "indexed" | "group" | "covered"> {
  const { type = types.text, list = false, indexed = false, group, covered = false } = kind;
  return { type, list, indexed, group, covered };
}

type Tables = {
  [Name in keyof ColumnBlock as ColumnBlock[Name] extends { rows: readonly unknown[] }
    ? Name
    : never]: ColumnBlock[Name];
};
type RowOf<Table extends keyof Tables> = Tables[Table] extends { rows: readonly (infer Row)[] } ? Row : never;
type PlainColumn = "kind" | "host" | "process" | "user" | "source" | "destination" | "container" | "cloud" | "syscall";

/** What reads a value of a row: its name alone where that is a string of the block. */
type Reading<Table extends keyof Tables> = TextName<RowOf<Table>> | ((row: RowOf<Table>) => FieldValue);

function rowsOf<Table extends keyof Tables>(
  table: Table,
  reading: Reading<Table>,
): Pick<Field, "rows" | "views" | "value" | "strings"> {
  const access = {
    rows: (block: ColumnBlock) => block[table].rows,
    views: (block: ColumnBlock) => block[table].views,
  };
  if (typeof reading === "function") return { ...access, value: reading };
  return {
    ...access,
    value: (row: RowOf<Table>) => row[reading] as string,
    strings: (block) => (block[table] as { numbers(name: string): Uint32Array }).numbers(reading),
  };
}

/** Fields of a table that events refer to by one column. */
function of<Table extends keyof Tables>(table: Table, column: PlainColumn) {
  return (value: Reading<Table>, kind: Kind = {}): Field => ({
    column,
    ...rowsOf(table, value),
    rowsOf: (block, event) => block.columns[column][event] ?? 0,
    ...kindOf(kind),
  });
}

const ofKind = of("kinds", "kind");
const ofHost = of("hosts", "host");
const ofProcess = of("processes", "process");
const ofUser = of("users", "user");
const ofSource = of("endpoints", "source");
const ofDestination = of("endpoints", "destination");
const ofContainer = of("containers", "container");
const ofCloud = of("clouds", "cloud");
const ofSyscall = of("syscalls", "syscall");

/** Arguments as one text. */
export function commandLineOf(process: ProcessOrView): string {
  return process.commandLine ?? process.args.join(" ");
}

/** A text of the process's parent. */
function ofParent(name: TextName<RowOf<"processes">>, kind: Kind): Field {
  return {
    ...ofProcess((row) => row.parent?.[name], kind),
    strings({ processes }) {
      const own = processes.numbers(name);
      return processes.numbers("parent").map((parent) => (parent === 0 ? 0 : (own[parent - 1] ?? 0)));
    },
  };
}

const NONE = new Uint32Array(0);

function listAt(column: "files" | "records" | "targets"): (block: ColumnBlock, event: number) => Uint32Array {
  return (block, event) => {
    const { offsets, values } = block.columns[column];
    return (values[0] ?? NONE).subarray(offsets[event] ?? 0, offsets[event + 1] ?? 0);
  };
}

function ofList<Table extends keyof Tables>(table: Table, column: "files" | "records" | "targets") {
  return (value: Reading<Table>, kind: Kind = {}): Field => ({
    column,
    ...rowsOf(table, value),
    rowsOf: listAt(column),
    ...kindOf(kind),
  });
}

const ofFile = ofList("files", "files");
const ofTarget = ofList("processes", "targets");
const ofRecord = ofList("records", "records");

/** What the kernel tells of a file that it found; of a name alone it tells nothing, and zero is no inode and no owner. */
function ofFound(value: (row: RowOf<"files">) => FieldValue, type: types.FieldType = types.text): Field {
  return ofFile((row) => (row.hasAttributes ? value(row) : undefined), { type });
}

/** Of fields whose rows are the events themselves. */
export const EVENT_COLUMN = "event";

/** A column with one plain value an event: each event is its own row. */
function ofEvent(value: (block: ColumnBlock, event: number) => FieldValue, kind: Kind): Field {
  const rows = (block: ColumnBlock): FieldValue[] =>
    Array.from({ length: block.count }, (_, event) => value(block, event));
  return {
    column: EVENT_COLUMN,
    rows,
    views: rows,
    value: (row: FieldValue) => row,
    rowsOf: (_block, event) => event + 1,
    ...kindOf(kind),
  };
}

function keysOf(block: ColumnBlock, event: number): string[] {
  const { offsets, values } = block.columns.keys;
  const indexes = (values[0] ?? NONE).subarray(offsets[event] ?? 0, offsets[event + 1] ?? 0);
  return Array.from(indexes, (index) => block.strings.text(index, "events.keys"));
}

const { u32, u64, port, ip, address } = types;
const INDEXED: Kind = { indexed: true };
const PATH: Kind = { group: PATHS };
const NAME: Kind = { group: NAMES };
const USER_ID = types.id("user.name");
const SHA256: Kind = { type: types.hex(64, "a SHA-256"), indexed: true };

/** What a system call gave back; an error by its name, too. */
const EXIT = types.whole(-(1n << 63n), (1n << 63n) - 1n, {
  allowed: "the name of an error, as EACCES",
  read(name) {
    const number = ERRNO.number(name);
    return number === undefined ? undefined : -BigInt(number);
  },
});

const SYSCALL = types.named("the name of a system call, as openat", syscallNames);
const ARCH = types.named("the name of an architecture, as x86_64 or aarch64", archNames);
const recordTypeNames = new Set(Array.from(RECORD_TYPE.entries(), ([, name]) => name));
/** Records of the agent's own, and those that have no name yet. */
const OTHER_RECORD_TYPE = /^(?:HOSTTRAIL_[A-Z_]*|UNKNOWN\[\d{1,9}\])$/;
const RECORD_TYPES = types.named(
  "the type of an audit record, as SYSCALL or USER_LOGIN; UNKNOWN[number] for one without a name",
  () => recordTypeNames,
  OTHER_RECORD_TYPE,
);

/** What was typed is asked for by its parts, and permissions are the same everywhere: no index would help. */
const NOT_INDEXED: ReadonlySet<ReadField> = new Set<ReadField>(["data", "requested", "tclass"]);

/** All fields by their ECS name; `audit.*` is what is special to kernel audit. */
export const FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ["event.action", ofKind("action", { indexed: true, group: NAMES })],
  ["event.category", ofKind((row) => row.category, { type: types.oneOf(vocabulary.EVENT_CATEGORIES), list: true })],
  ["event.type", ofKind((row) => row.type, { type: types.oneOf(vocabulary.EVENT_TYPES), list: true })],
  ["event.outcome", ofKind("outcome", { type: types.oneOf(vocabulary.EVENT_OUTCOMES) })],
  ["event.kind", ofKind("kind", { type: types.oneOf(vocabulary.EVENT_KINDS) })],
  ["event.sequence", ofEvent((block, event) => block.names.sequenceAt(event), { type: u64 })],
  ["host.id", ofHost("id", { type: types.hex(32, "a host's id") })],
  ["host.name", ofHost("name", NAME)],
  ["host.ip", ofHost((row) => row.ip, { type: ip, list: true })],
  ["host.architecture", ofHost("architecture")],
  [
    "host.labels",
    ofHost((row) => row.labels.map(({ key, value }) => `${key}=${value}`), { type: types.label, list: true }),
  ],
  ["host.machine.id", ofHost("machineId")],
  ["host.boot.id", ofHost("bootId")],
  ["host.os.name", ofHost("osName")],
  ["host.os.version", ofHost("osVersion")],
  ["host.os.kernel", ofHost("kernel")],
  ["process.entity_id", ofProcess("entityId", INDEXED)],
  ["process.pid", ofProcess((row) => row.pid, { type: u32 })],
  ["process.name", ofProcess("name", { indexed: true, group: NAMES })],
  ["process.executable", ofProcess("executable", { indexed: true, group: PATHS })],
  ["process.args", ofProcess((row) => row.args, { list: true, group: ARGUMENTS, covered: true })],
  ["process.args_count", ofProcess((row) => row.argsCount, { type: u32 })],
  ["process.command_line", ofProcess((row) => commandLineOf(row), { group: ARGUMENTS })],
  ["process.title", ofProcess((row) => row.title || commandLineOf(row), { group: ARGUMENTS })],
  ["process.working_directory", ofProcess("workingDirectory", PATH)],
  ["process.hash.sha256", ofProcess("executableSha256", SHA256)],
  ["process.tty", ofProcess("tty")],
  ["process.provenance", ofProcess("provenance", { type: types.oneOf(vocabulary.PROVENANCES) })],
  ["process.session_leader.entity_id", ofProcess((row) => row.sessionLeader?.entityId)],
  ["process.session_leader.pid", ofProcess((row) => row.sessionLeader?.pid, { type: u32 })],
  ["process.session_leader.name", ofProcess((row) => row.sessionLeader?.name, NAME)],
  ["process.session_leader.executable", ofProcess((row) => row.sessionLeader?.executable, PATH)],
  ["process.parent.entity_id", ofParent("entityId", INDEXED)],
  ["process.parent.pid", ofProcess((row) => row.parent?.pid, { type: u32 })],
  ["process.parent.name", ofParent("name", NAME)],
  [
    "process.parent.command_line",
    ofProcess((row) => row.parent && commandLineOf(row.parent), { group: ARGUMENTS, covered: true }),
  ],
  ["process.parent.executable", ofParent("executable", PATH)],
  [
    "process.ancestry.entity_id",
    ofProcess((row) => row.ancestry.map((reference) => reference.entityId), { list: true }),
  ],
  [
    "process.ancestry.executable",
    ofProcess((row) => row.ancestry.map((reference) => reference.executable), { list: true, group: PATHS }),
  ],
  ["target.process.entity_id", ofTarget("entityId")],
  ["target.process.pid", ofTarget((row) => row.pid, { type: u32 })],
  // Targets are rows of the same table as processes.
  ["target.process.name", ofTarget("name", { group: NAMES, covered: true })],
  ["target.process.executable", ofTarget("executable", { group: PATHS, covered: true })],
  ["user.id", ofUser((row) => row.id, { type: USER_ID })],
  ["user.name", ofUser("name", { indexed: true, group: NAMES })],
  ["user.effective.id", ofUser((row) => row.effectiveId, { type: types.id("user.effective.name") })],
  ["user.effective.name", ofUser("effectiveName", NAME)],
  ["user.audit.id", ofUser((row) => row.auditId, { type: types.id("user.audit.name") })],
  ["user.audit.name", ofUser("auditName", { indexed: true, group: NAMES })],
  ["user.target.name", ofUser("targetName", { indexed: true, group: NAMES })],
  ["group.id", ofUser((row) => row.group?.id, { type: types.id("group.name") })],
  ["group.name", ofUser((row) => row.group?.name, NAME)],
  ["file.path", ofFile("path", { indexed: true, group: PATHS })],
  ["file.name", ofFile((row) => row.path.slice(row.path.lastIndexOf("/") + 1), { group: PATHS, covered: true })],
  ["file.relative_to", ofFile("relativeTo", PATH)],
  ["file.inode", ofFound((row) => row.inode, u64)],
  ["file.device", ofFound((row) => row.device, types.device)],
  ["file.mode", ofFound((row) => (row.mode & 0o7777).toString(8).padStart(4, "0"), types.octalMode)],
  ["file.uid", ofFound((row) => row.uid, types.id("file.owner"))],
  ["file.owner", ofFound((row) => row.owner)],
  ["file.gid", ofFound((row) => row.gid, types.id("file.group"))],
  ["file.group", ofFound((row) => row.group)],
  ["file.size", ofFile((row) => (row.after?.exists ? row.after.size : undefined), { type: u64 })],
  ["file.hash.sha256", ofFile((row) => row.after?.sha256, SHA256)],
  // File integrity, before the event.
  ["file.before.size", ofFile((row) => (row.before?.exists ? row.before.size : undefined), { type: u64 })],
  ["file.before.hash.sha256", ofFile((row) => row.before?.sha256, SHA256)],
  ["source.address", ofSource("address", { type: address, group: NAMES })],
  ["source.ip", ofSource("ip", { type: ip, indexed: true })],
  ["source.domain", ofSource("domain", { indexed: true, group: NAMES })],
  ["source.port", ofSource(portOf, { type: port })],
  ["destination.address", ofDestination("address", { type: address, group: NAMES })],
  ["destination.ip", ofDestination("ip", { type: ip, indexed: true })],
  ["destination.domain", ofDestination("domain", { indexed: true, group: NAMES })],
  ["destination.port", ofDestination(portOf, { type: port, indexed: true })],
  ["destination.path", ofDestination("path", PATH)],
  ["container.id", ofContainer("id", INDEXED)],
  ["container.runtime", ofContainer("runtime")],
  ["container.systemd_unit", ofContainer("systemdUnit", NAME)],
  ["cloud.provider", ofCloud("provider")],
  ["cloud.account.id", ofCloud("accountId")],
  ["cloud.region", ofCloud("region")],
  ["cloud.availability_zone", ofCloud("availabilityZone")],
  ["cloud.instance.id", ofCloud("instanceId")],
  ["cloud.machine.type", ofCloud("machineType")],
  ["audit.key", ofEvent(keysOf, { list: true, indexed: true })],
  ["audit.serial", ofEvent((block, event) => block.columns.serial[event], { type: u32 })],
  ["audit.syscall", ofSyscall("name", { type: SYSCALL })],
  ["audit.arch", ofSyscall("archName", { type: ARCH })],
  ["audit.success", ofSyscall("success", { type: types.oneOf(["yes", "no"]) })],
  ["audit.exit", ofEvent((block, event) => block.columns.exit[event], { type: EXIT })],
  ["audit.redacted", ofEvent((block, event) => block.columns.redacted[event], { type: u32 })],
  ["audit.record_type", ofRecord(recordType, { type: RECORD_TYPES })],
  // What user space and security modules wrote into a record.
  ...READ_FIELDS.map((name): [string, Field] => [`audit.${name}`, ofRead(name)]),
]);

function ofRead(name: ReadField): Field {
  return ofRecord((row) => readRecord(row).get(name), { indexed: !NOT_INDEXED.has(name), group: NAMES });
}

function recordType(row: RowOf<"records">): string {
  return row.typeName || recordTypeName(row.type);
}

/** Only an internet address has a port. */
function portOf({ ip: address, port: number }: RowOf<"endpoints">): number | undefined {
  return address === "" ? undefined : number;
}
