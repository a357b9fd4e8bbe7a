/** The fields that a filter may name, and where in a block each one lies. */
import type { ColumnBlock, Lists, ProcessOrView, TextName } from "../block/index.ts";
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
import {
  ARGUMENTS,
  EVENT_COLUMN,
  type Field,
  type FieldValue,
  type Kind,
  kindOf,
  NAMES,
  PATHS,
  type Reach,
} from "./field.ts";
import * as types from "./types.ts";
import * as vocabulary from "./vocabulary.ts";

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
): Pick<Field, "count" | "rows" | "views" | "value" | "strings" | "reach"> {
  const access = {
    count: (block: ColumnBlock) => block[table].count,
    rows: (block: ColumnBlock) => block[table].rows,
    views: (block: ColumnBlock) => block[table].views,
  };
  if (typeof reading === "function") return { ...access, value: reading };
  return {
    ...access,
    value: (row: RowOf<Table>) => row[reading] as string,
    strings: (block) => numbersOf(block, table, reading),
    reach: { strings: (block) => numbersOf(block, table, reading) },
  };
}

function numbersOf(block: ColumnBlock, table: keyof Tables, name: string): Uint32Array {
  return (block[table] as { numbers(name: string): Uint32Array }).numbers(name);
}

/** Fields of a table that events refer to by one column. */
function of<Table extends keyof Tables>(table: Table, column: PlainColumn) {
  return (value: Reading<Table>, kind: Kind = {}): Field => ({
    column,
    ...rowsOf(table, value),
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

const ARGS: Reach = { words: (block) => block.processes.lists("args") };
const PARENT: Reach = { through: (block) => block.processes.numbers("parent") };
const LEADER: Reach = { through: (block) => block.processes.numbers("sessionLeader") };

/** The field with a quicker way to its values. */
function reached(field: Field, reach: Reach): Field {
  return { ...field, reach };
}

/** A text of the process's parent. */
function ofParent(name: TextName<RowOf<"processes">>, kind: Kind): Field {
  return {
    ...ofProcess((row) => row.parent?.[name], kind),
    strings({ processes }) {
      const own = processes.numbers(name);
      return processes.numbers("parent").map((parent) => (parent === 0 ? 0 : (own[parent - 1] ?? 0)));
    },
    reach: { ...PARENT, strings: (block) => block.processes.numbers(name) },
  };
}

type Reference = NonNullable<RowOf<"processes">["sessionLeader"]>;

/** A text of the process that leads the session. */
function ofLeader(name: TextName<Reference>, kind: Kind = {}): Field {
  const field = ofProcess((row) => row.sessionLeader?.[name], kind);
  return reached(field, { ...LEADER, strings: (block) => block.references.numbers(name) });
}

/** A text of each of the process's ancestors. */
function ofAncestors(name: TextName<Reference>, kind: Kind = {}): Field {
  const field = ofProcess((row) => row.ancestry.map((reference) => reference[name]), { ...kind, list: true });
  return reached(field, {
    through: (block) => block.processes.numbers("ancestry"),
    items({ ancestries: { lists }, references }): Lists {
      const strings = references.numbers(name);
      const [items = NONE] = lists.values;
      return { offsets: lists.offsets, values: [items.map((reference) => strings[reference - 1] ?? 0)] };
    },
  });
}

const NONE = new Uint32Array(0);

function ofList<Table extends keyof Tables>(table: Table, column: "files" | "records" | "targets") {
  return (value: Reading<Table>, kind: Kind = {}): Field => ({
    column,
    ...rowsOf(table, value),
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

/** A column with one plain value an event: each event is its own row. */
function ofEvent(value: (block: ColumnBlock, event: number) => FieldValue, kind: Kind): Field {
  const rows = (block: ColumnBlock): FieldValue[] =>
    Array.from({ length: block.count }, (_, event) => value(block, event));
  return {
    column: EVENT_COLUMN,
    count: (block) => block.count,
    rows,
    views: rows,
    value: (row: FieldValue) => row,
    reach: { at: value },
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

/** When the kernel saw it; what tells nothing but itself has no time. */
const TIME = ofEvent(timeOf, { type: types.time });

function timeOf({ columns }: ColumnBlock, event: number): bigint | undefined {
  return columns.kind[event] === 0 ? undefined : columns.time[event];
}

/** How long the process ran when it happened. */
function uptimeOf(block: ColumnBlock, event: number): bigint | undefined {
  const time = timeOf(block, event);
  const start = block.processes.views[(block.columns.process[event] ?? 0) - 1]?.startUnixNano ?? 0n;
  return time === undefined || start === 0n ? undefined : time - start;
}

const PID: NonNullable<Reach["numbers"]> = (block) => block.processes.numbers("pid");

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** All fields by their ECS name; `audit.*` is what is special to kernel audit. */
export const FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ["event.action", ofKind("action", { indexed: true, group: NAMES })],
  ["event.category", ofKind((row) => row.category, { type: types.oneOf(vocabulary.EVENT_CATEGORIES), list: true })],
  ["event.type", ofKind((row) => row.type, { type: types.oneOf(vocabulary.EVENT_TYPES), list: true })],
  ["event.outcome", ofKind("outcome", { type: types.oneOf(vocabulary.EVENT_OUTCOMES) })],
  ["event.kind", ofKind("kind", { type: types.oneOf(vocabulary.EVENT_KINDS) })],
  ["event.id", ofEvent((block, event) => block.eventId(event), {})],
  ["event.time", TIME],
  ["@timestamp", TIME],
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
  [
    "process.pid",
    reached(
      ofProcess((row) => row.pid, { type: u32 }),
      { numbers: PID },
    ),
  ],
  ["process.start", ofProcess((row) => row.startUnixNano || undefined, { type: types.time })],
  ["process.uptime", ofEvent(uptimeOf, { type: types.duration })],
  ["process.name", ofProcess("name", { indexed: true, group: NAMES })],
  ["process.executable", ofProcess("executable", { indexed: true, group: PATHS })],
  [
    "process.args",
    reached(
      ofProcess((row) => row.args, { list: true, group: ARGUMENTS, covered: true }),
      {
        items: (block) => block.processes.lists("args"),
      },
    ),
  ],
  [
    "process.args_count",
    reached(
      ofProcess((row) => row.argsCount, { type: u32 }),
      {
        numbers: (block) => block.processes.numbers("argsCount"),
      },
    ),
  ],
  [
    "process.command_line",
    reached(
      ofProcess((row) => commandLineOf(row), { group: ARGUMENTS }),
      ARGS,
    ),
  ],
  [
    "process.title",
    reached(
      ofProcess((row) => row.title || commandLineOf(row), { group: ARGUMENTS }),
      {
        ...ARGS,
        strings: (block) => block.processes.numbers("title"),
      },
    ),
  ],
  ["process.working_directory", ofProcess("workingDirectory", PATH)],
  ["process.hash.sha256", ofProcess("executableSha256", SHA256)],
  ["process.tty", ofProcess("tty")],
  ["process.provenance", ofProcess("provenance", { type: types.oneOf(vocabulary.PROVENANCES) })],
  ["process.session_leader.entity_id", ofLeader("entityId")],
  [
    "process.session_leader.pid",
    reached(
      ofProcess((row) => row.sessionLeader?.pid, { type: u32 }),
      {
        ...LEADER,
        numbers: (block) => block.references.numbers("pid"),
      },
    ),
  ],
  ["process.session_leader.name", ofLeader("name", NAME)],
  ["process.session_leader.executable", ofLeader("executable", PATH)],
  ["process.parent.entity_id", ofParent("entityId", INDEXED)],
  [
    "process.parent.pid",
    reached(
      ofProcess((row) => row.parent?.pid, { type: u32 }),
      { ...PARENT, numbers: PID },
    ),
  ],
  ["process.parent.name", ofParent("name", NAME)],
  [
    "process.parent.command_line",
    reached(
      ofProcess((row) => row.parent && commandLineOf(row.parent), { group: ARGUMENTS, covered: true }),
      {
        ...PARENT,
        ...ARGS,
      },
    ),
  ],
  ["process.parent.executable", ofParent("executable", PATH)],
  ["process.ancestry.entity_id", ofAncestors("entityId")],
  ["process.ancestry.executable", ofAncestors("executable", { group: PATHS })],
  ["target.process.entity_id", ofTarget("entityId")],
  [
    "target.process.pid",
    reached(
      ofTarget((row) => row.pid, { type: u32 }),
      { numbers: PID },
    ),
  ],
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
  [
    "file.name",
    reached(
      ofFile((row) => lastPart(row.path), { group: PATHS, covered: true }),
      {
        strings: (block) => block.files.numbers("path"),
        of: lastPart,
      },
    ),
  ],
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
  ["audit.key", reached(ofEvent(keysOf, { list: true, indexed: true }), { items: (block) => block.columns.keys })],
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
  const field = ofRecord((row) => readRecord(row).get(name), { indexed: !NOT_INDEXED.has(name), group: NAMES });
  return reached(field, { kept: (block) => block.records.lists("fields") });
}

function recordType(row: RowOf<"records">): string {
  return row.typeName || recordTypeName(row.type);
}

/** Only an internet address has a port. */
function portOf({ ip: address, port: number }: RowOf<"endpoints">): number | undefined {
  return address === "" ? undefined : number;
}
