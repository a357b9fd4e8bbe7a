/** The fields that a filter may name, and where in a block each one lies. */
import type { ColumnBlock } from "../block/index.ts";
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
  value(row: never): FieldValue;
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

/** Fields of a table that events refer to by one column. */
function of<Table extends keyof Tables>(table: Table, column: PlainColumn) {
  return (value: (row: RowOf<Table>) => FieldValue, kind: Kind = {}): Field => ({
    column,
    rows: (block) => block[table].rows,
    value: value,
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

const NONE = new Uint32Array(0);

function listAt(column: "files" | "records" | "targets"): (block: ColumnBlock, event: number) => Uint32Array {
  return (block, event) => {
    const { offsets, values } = block.columns[column];
    return (values[0] ?? NONE).subarray(offsets[event] ?? 0, offsets[event + 1] ?? 0);
  };
}

function ofFile(value: (row: RowOf<"files">) => FieldValue, kind: Kind = {}): Field {
  return { column: "files", rows: (block) => block.files.rows, value: value, rowsOf: listAt("files"), ...kindOf(kind) };
}

/** What the kernel tells of a file that it found; of a name alone it tells nothing, and zero is no inode and no owner. */
function ofFound(value: (row: RowOf<"files">) => FieldValue, type: types.FieldType = types.text): Field {
  return ofFile((row) => (row.hasAttributes ? value(row) : undefined), { type });
}

function ofTarget(value: (row: RowOf<"processes">) => FieldValue, kind: Kind = {}): Field {
  return {
    column: "targets",
    rows: (block) => block.processes.rows,
    value: value,
    rowsOf: listAt("targets"),
    ...kindOf(kind),
  };
}

function ofRecord(value: (row: RowOf<"records">) => FieldValue, kind: Kind = {}): Field {
  return {
    column: "records",
    rows: (block) => block.records.rows,
    value: value,
    rowsOf: listAt("records"),
    ...kindOf(kind),
  };
}

/** Of fields whose rows are the events themselves. */
export const EVENT_COLUMN = "event";

/** A column with one plain value an event: each event is its own row. */
function ofEvent(value: (block: ColumnBlock, event: number) => FieldValue, kind: Kind): Field {
  return {
    column: EVENT_COLUMN,
    rows: (block) => Array.from({ length: block.count }, (_, event) => value(block, event)),
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
  ["event.action", ofKind((row) => row.action, { indexed: true, group: NAMES })],
  ["event.category", ofKind((row) => row.category, { type: types.oneOf(vocabulary.EVENT_CATEGORIES), list: true })],
  ["event.type", ofKind((row) => row.type, { type: types.oneOf(vocabulary.EVENT_TYPES), list: true })],
  ["event.outcome", ofKind((row) => row.outcome, { type: types.oneOf(vocabulary.EVENT_OUTCOMES) })],
  ["event.kind", ofKind((row) => row.kind, { type: types.oneOf(vocabulary.EVENT_KINDS) })],
  ["event.sequence", ofEvent((block, event) => block.names.sequenceAt(event), { type: u64 })],
  ["host.id", ofHost((row) => row.id, { type: types.hex(32, "a host's id") })],
  ["host.name", ofHost((row) => row.name, NAME)],
  ["host.ip", ofHost((row) => row.ip, { type: ip, list: true })],
  ["host.architecture", ofHost((row) => row.architecture)],
  [
    "host.labels",
    ofHost((row) => row.labels.map(({ key, value }) => `${key}=${value}`), { type: types.label, list: true }),
  ],
  ["host.machine.id", ofHost((row) => row.machineId)],
  ["host.boot.id", ofHost((row) => row.bootId)],
  ["host.os.name", ofHost((row) => row.osName)],
  ["host.os.version", ofHost((row) => row.osVersion)],
  ["host.os.kernel", ofHost((row) => row.kernel)],
  ["process.entity_id", ofProcess((row) => row.entityId, INDEXED)],
  ["process.pid", ofProcess((row) => row.pid, { type: u32 })],
  ["process.name", ofProcess((row) => row.name, { indexed: true, group: NAMES })],
  ["process.executable", ofProcess((row) => row.executable, { indexed: true, group: PATHS })],
  ["process.args", ofProcess((row) => row.args, { list: true, group: ARGUMENTS, covered: true })],
  ["process.args_count", ofProcess((row) => row.argsCount, { type: u32 })],
  ["process.command_line", ofProcess((row) => row.args.join(" "), { group: ARGUMENTS })],
  ["process.title", ofProcess((row) => row.title || row.args.join(" "), { group: ARGUMENTS })],
  ["process.working_directory", ofProcess((row) => row.workingDirectory, PATH)],
  ["process.hash.sha256", ofProcess((row) => row.executableSha256, SHA256)],
  ["process.tty", ofProcess((row) => row.tty)],
  ["process.provenance", ofProcess((row) => row.provenance, { type: types.oneOf(vocabulary.PROVENANCES) })],
  ["process.session_leader.entity_id", ofProcess((row) => row.sessionLeader?.entityId)],
  ["process.session_leader.pid", ofProcess((row) => row.sessionLeader?.pid, { type: u32 })],
  ["process.session_leader.name", ofProcess((row) => row.sessionLeader?.name, NAME)],
  ["process.session_leader.executable", ofProcess((row) => row.sessionLeader?.executable, PATH)],
  ["process.parent.entity_id", ofProcess((row) => row.parent?.entityId, INDEXED)],
  ["process.parent.pid", ofProcess((row) => row.parent?.pid, { type: u32 })],
  ["process.parent.name", ofProcess((row) => row.parent?.name, NAME)],
  ["process.parent.command_line", ofProcess((row) => row.parent?.args.join(" "), { group: ARGUMENTS, covered: true })],
  ["process.parent.executable", ofProcess((row) => row.parent?.executable, PATH)],
  [
    "process.ancestry.entity_id",
    ofProcess((row) => row.ancestry.map((reference) => reference.entityId), { list: true }),
  ],
  [
    "process.ancestry.executable",
    ofProcess((row) => row.ancestry.map((reference) => reference.executable), { list: true, group: PATHS }),
  ],
  ["target.process.entity_id", ofTarget((row) => row.entityId)],
  ["target.process.pid", ofTarget((row) => row.pid, { type: u32 })],
  // Targets are rows of the same table as processes.
  ["target.process.name", ofTarget((row) => row.name, { group: NAMES, covered: true })],
  ["target.process.executable", ofTarget((row) => row.executable, { group: PATHS, covered: true })],
  ["user.id", ofUser((row) => row.id, { type: USER_ID })],
  ["user.name", ofUser((row) => row.name, { indexed: true, group: NAMES })],
  ["user.effective.id", ofUser((row) => row.effectiveId, { type: types.id("user.effective.name") })],
  ["user.effective.name", ofUser((row) => row.effectiveName, NAME)],
  ["user.audit.id", ofUser((row) => row.auditId, { type: types.id("user.audit.name") })],
  ["user.audit.name", ofUser((row) => row.auditName, { indexed: true, group: NAMES })],
  ["user.target.name", ofUser((row) => row.targetName, { indexed: true, group: NAMES })],
  ["group.id", ofUser((row) => row.group?.id, { type: types.id("group.name") })],
  ["group.name", ofUser((row) => row.group?.name, NAME)],
  ["file.path", ofFile((row) => row.path, { indexed: true, group: PATHS })],
  ["file.name", ofFile((row) => row.path.slice(row.path.lastIndexOf("/") + 1), { group: PATHS, covered: true })],
  ["file.relative_to", ofFile((row) => row.relativeTo, PATH)],
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
  ["source.address", ofSource((row) => row.address, { type: address, group: NAMES })],
  ["source.ip", ofSource((row) => row.ip, { type: ip, indexed: true })],
  ["source.domain", ofSource((row) => row.domain, { indexed: true, group: NAMES })],
  ["source.port", ofSource(portOf, { type: port })],
  ["destination.address", ofDestination((row) => row.address, { type: address, group: NAMES })],
  ["destination.ip", ofDestination((row) => row.ip, { type: ip, indexed: true })],
  ["destination.domain", ofDestination((row) => row.domain, { indexed: true, group: NAMES })],
  ["destination.port", ofDestination(portOf, { type: port, indexed: true })],
  ["destination.path", ofDestination((row) => row.path, PATH)],
  ["container.id", ofContainer((row) => row.id, INDEXED)],
  ["container.runtime", ofContainer((row) => row.runtime)],
  ["container.systemd_unit", ofContainer((row) => row.systemdUnit, NAME)],
  ["cloud.provider", ofCloud((row) => row.provider)],
  ["cloud.account.id", ofCloud((row) => row.accountId)],
  ["cloud.region", ofCloud((row) => row.region)],
  ["cloud.availability_zone", ofCloud((row) => row.availabilityZone)],
  ["cloud.instance.id", ofCloud((row) => row.instanceId)],
  ["cloud.machine.type", ofCloud((row) => row.machineType)],
  ["audit.key", ofEvent(keysOf, { list: true, indexed: true })],
  ["audit.serial", ofEvent((block, event) => block.columns.serial[event], { type: u32 })],
  ["audit.syscall", ofSyscall((row) => row.name, { type: SYSCALL })],
  ["audit.arch", ofSyscall((row) => row.archName, { type: ARCH })],
  ["audit.success", ofSyscall((row) => row.success, { type: types.oneOf(["yes", "no"]) })],
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
