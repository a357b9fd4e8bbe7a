/** The fields that a filter may name, and where in a block each one lies. */
import type { ColumnBlock } from "../block/index.ts";
import { recordTypeName } from "../audit/index.ts";

/** A value to compare with; a list matches where one of its items does. */
export type FieldValue = string | number | bigint | undefined | readonly (string | number | bigint | undefined)[];

/**
 * A field. `rows` are the distinct rows of its table and `value` reads one; `rowsOf` gives the rows that an event
 * refers to, as indexes plus one. So a comparison is decided once for each distinct row.
 */
export interface Field {
  rows(block: ColumnBlock): readonly unknown[];
  value(row: never): FieldValue;
  rowsOf(block: ColumnBlock, event: number): number | Uint32Array;
  /** The field's name in the terms of a block's document, where it is one. */
  term?: string;
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
  return (value: (row: RowOf<Table>) => FieldValue, term?: string): Field => ({
    rows: (block) => block[table].rows,
    value: value,
    rowsOf: (block, event) => block.columns[column][event] ?? 0,
    ...(term === undefined ? {} : { term }),
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

function ofFile(value: (row: RowOf<"files">) => FieldValue, term?: string): Field {
  return {
    rows: (block) => block.files.rows,
    value: value,
    rowsOf: listAt("files"),
    ...(term === undefined ? {} : { term }),
  };
}

function ofTarget(value: (row: RowOf<"processes">) => FieldValue): Field {
  return { rows: (block) => block.processes.rows, value: value, rowsOf: listAt("targets") };
}

/** A column with one plain value an event: each event is its own row. */
function ofEvent(value: (block: ColumnBlock, event: number) => FieldValue, term?: string): Field {
  return {
    rows: (block) => Array.from({ length: block.count }, (_, event) => value(block, event)),
    value: (row: FieldValue) => row,
    rowsOf: (_block, event) => event + 1,
    ...(term === undefined ? {} : { term }),
  };
}

function keysOf(block: ColumnBlock, event: number): string[] {
  const { offsets, values } = block.columns.keys;
  const indexes = (values[0] ?? NONE).subarray(offsets[event] ?? 0, offsets[event + 1] ?? 0);
  return Array.from(indexes, (index) => block.strings.text(index, "events.keys"));
}

/** All fields by their ECS name; `audit.*` is what is special to kernel audit. */
export const FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ["event.action", ofKind((row) => row.action, "event.action")],
  ["event.category", ofKind((row) => row.category)],
  ["event.type", ofKind((row) => row.type)],
  ["event.outcome", ofKind((row) => row.outcome)],
  ["event.kind", ofKind((row) => row.kind)],
  ["event.sequence", ofEvent((block, event) => block.position.firstSeq + BigInt(event))],
  ["host.id", ofHost((row) => row.id)],
  ["host.name", ofHost((row) => row.name)],
  ["host.ip", ofHost((row) => row.ip)],
  ["host.architecture", ofHost((row) => row.architecture)],
  ["host.labels", ofHost((row) => row.labels.map(({ key, value }) => `${key}=${value}`))],
  ["host.machine.id", ofHost((row) => row.machineId)],
  ["host.boot.id", ofHost((row) => row.bootId)],
  ["host.os.name", ofHost((row) => row.osName)],
  ["host.os.version", ofHost((row) => row.osVersion)],
  ["host.os.kernel", ofHost((row) => row.kernel)],
  ["process.entity_id", ofProcess((row) => row.entityId)],
  ["process.pid", ofProcess((row) => row.pid)],
  ["process.name", ofProcess((row) => row.name, "process.name")],
  ["process.executable", ofProcess((row) => row.executable, "process.executable")],
  ["process.args", ofProcess((row) => row.args)],
  ["process.args_count", ofProcess((row) => row.argsCount)],
  ["process.command_line", ofProcess((row) => row.args.join(" "))],
  ["process.title", ofProcess((row) => row.title || row.args.join(" "))],
  ["process.working_directory", ofProcess((row) => row.workingDirectory)],
  ["process.hash.sha256", ofProcess((row) => row.executableSha256)],
  ["process.tty", ofProcess((row) => row.tty)],
  ["process.provenance", ofProcess((row) => row.provenance)],
  ["process.session_leader.entity_id", ofProcess((row) => row.sessionLeader?.entityId)],
  ["process.session_leader.pid", ofProcess((row) => row.sessionLeader?.pid)],
  ["process.session_leader.name", ofProcess((row) => row.sessionLeader?.name)],
  ["process.session_leader.executable", ofProcess((row) => row.sessionLeader?.executable)],
  ["process.parent.entity_id", ofProcess((row) => row.parent?.entityId)],
  ["process.parent.pid", ofProcess((row) => row.parent?.pid)],
  ["process.parent.name", ofProcess((row) => row.parent?.name)],
  ["process.parent.executable", ofProcess((row) => row.parent?.executable)],
  ["process.ancestry.entity_id", ofProcess((row) => row.ancestry.map((reference) => reference.entityId))],
  ["process.ancestry.executable", ofProcess((row) => row.ancestry.map((reference) => reference.executable))],
  ["target.process.entity_id", ofTarget((row) => row.entityId)],
  ["target.process.pid", ofTarget((row) => row.pid)],
  ["target.process.name", ofTarget((row) => row.name)],
  ["target.process.executable", ofTarget((row) => row.executable)],
  ["user.id", ofUser((row) => row.id)],
  ["user.name", ofUser((row) => row.name, "user.name")],
  ["user.effective.id", ofUser((row) => row.effectiveId)],
  ["user.effective.name", ofUser((row) => row.effectiveName)],
  ["user.audit.id", ofUser((row) => row.auditId)],
  ["user.audit.name", ofUser((row) => row.auditName, "user.audit.name")],
  ["user.target.name", ofUser((row) => row.targetName, "user.target.name")],
  ["group.id", ofUser((row) => row.group?.id)],
  ["group.name", ofUser((row) => row.group?.name)],
  ["file.path", ofFile((row) => row.path, "file.path")],
  ["file.name", ofFile((row) => row.path.slice(row.path.lastIndexOf("/") + 1))],
  ["file.relative_to", ofFile((row) => row.relativeTo)],
  ["file.inode", ofFile((row) => row.inode)],
  ["file.device", ofFile((row) => row.device)],
  ["file.mode", ofFile((row) => (row.mode & 0o7777).toString(8).padStart(4, "0"))],
  ["file.uid", ofFile((row) => row.uid)],
  ["file.owner", ofFile((row) => row.owner)],
  ["file.gid", ofFile((row) => row.gid)],
  ["file.group", ofFile((row) => row.group)],
  ["file.size", ofFile((row) => (row.after?.exists ? row.after.size : undefined))],
  ["file.hash.sha256", ofFile((row) => row.after?.sha256)],
  // File integrity, before the event.
  ["file.before.size", ofFile((row) => (row.before?.exists ? row.before.size : undefined))],
  ["file.before.hash.sha256", ofFile((row) => row.before?.sha256)],
  ["source.address", ofSource((row) => row.address)],
  ["source.ip", ofSource((row) => row.ip, "source.ip")],
  ["source.domain", ofSource((row) => row.domain)],
  ["source.port", ofSource((row) => row.port)],
  ["destination.address", ofDestination((row) => row.address)],
  ["destination.ip", ofDestination((row) => row.ip, "destination.ip")],
  ["destination.port", ofDestination((row) => row.port, "destination.port")],
  ["destination.path", ofDestination((row) => row.path)],
  ["container.id", ofContainer((row) => row.id, "container.id")],
  ["container.runtime", ofContainer((row) => row.runtime)],
  ["container.systemd_unit", ofContainer((row) => row.systemdUnit)],
  ["cloud.provider", ofCloud((row) => row.provider)],
  ["cloud.account.id", ofCloud((row) => row.accountId)],
  ["cloud.region", ofCloud((row) => row.region)],
  ["cloud.availability_zone", ofCloud((row) => row.availabilityZone)],
  ["cloud.instance.id", ofCloud((row) => row.instanceId)],
  ["cloud.machine.type", ofCloud((row) => row.machineType)],
  ["audit.key", ofEvent(keysOf, "audit.key")],
  ["audit.serial", ofEvent((block, event) => block.columns.serial[event])],
  ["audit.syscall", ofSyscall((row) => row.name)],
  ["audit.arch", ofSyscall((row) => row.archName)],
  ["audit.success", ofSyscall((row) => row.success)],
  ["audit.exit", ofEvent((block, event) => block.columns.exit[event])],
  ["audit.redacted", ofEvent((block, event) => block.columns.redacted[event])],
  ["audit.record_type", { rows: (block) => block.records.rows, value: recordType, rowsOf: listAt("records") }],
]);

function recordType(row: RowOf<"records">): string {
  return row.typeName || recordTypeName(row.type);
}
