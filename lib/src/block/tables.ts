/** The tables of a block; the numbers are those of proto/hosttrail/v1/block.proto. */
import type {
  AuditRecord,
  Cloud,
  Container,
  Endpoint,
  EventInfo,
  File,
  FileState,
  Group,
  Host,
  Process,
  ProcessReference,
  Syscall,
  User,
} from "@hosttrail/proto/event";
import {
  type AncestryLink,
  ancestry,
  delta,
  flag,
  halves,
  int64,
  labels,
  link,
  number,
  parent,
  type RowAdder,
  recordFields,
  text,
  texts,
} from "./columns.ts";
import type { TableSpec } from "./rows.ts";
import { sameTexts } from "./table.ts";

/** The part of the event group that repeats from event to event. */
export type Kind = Omit<EventInfo, "timeUnixNano" | "sequence">;

export const kinds: TableSpec<Kind, unknown> = {
  place: "kinds",
  field: 4,
  key: (row) => row.action,
  same: (a, b) =>
    a.action === b.action &&
    a.outcome === b.outcome &&
    a.kind === b.kind &&
    sameTexts(a.category, b.category) &&
    sameTexts(a.type, b.type),
  columns: { kind: text(2), category: texts(3, 4), type: texts(5, 6), action: text(7), outcome: text(8) },
};

/** Columns of a host that are read by themselves. */
export const HOST = { id: 2, name: 3, architecture: 5, osName: 6, osVersion: 7, kernel: 8 } as const;

export const hosts: TableSpec<Host, unknown> = {
  place: "hosts",
  field: 5,
  key: (row) => row.id,
  columns: {
    id: text(HOST.id),
    name: text(HOST.name),
    bootId: text(4),
    architecture: text(HOST.architecture),
    osName: text(HOST.osName),
    osVersion: text(HOST.osVersion),
    kernel: text(HOST.kernel),
    ip: texts(9, 10),
    labels: labels(11, 12, 13),
    machineId: text(14),
  },
};

/** What a process row refers to. */
export type ProcessLinks = AncestryLink & { processes: RowAdder<Process>; references: RowAdder<ProcessReference> };

export const processes: TableSpec<Process, ProcessLinks> = {
  place: "processes",
  field: 6,
  key: (row) => row.entityId,
  same: (a, b) =>
    a.entityId === b.entityId &&
    a.pid === b.pid &&
    a.name === b.name &&
    a.executable === b.executable &&
    a.workingDirectory === b.workingDirectory &&
    a.title === b.title &&
    a.startUnixNano === b.startUnixNano &&
    a.tty === b.tty &&
    a.provenance === b.provenance &&
    a.sessionId === b.sessionId &&
    a.argsCount === b.argsCount &&
    a.parent === b.parent &&
    a.ancestry === b.ancestry &&
    a.sessionLeader === b.sessionLeader &&
    a.executableSha256 === b.executableSha256 &&
    a.ancestryCount === b.ancestryCount &&
    sameTexts(a.args, b.args),
  append(columns, row) {
    columns.entityId.append(row.entityId);
    columns.pid.append(row.pid);
    columns.name.append(row.name);
    columns.executable.append(row.executable);
    columns.args.append(row.args);
    columns.workingDirectory.append(row.workingDirectory);
    columns.title.append(row.title);
    columns.startUnixNano.append(row.startUnixNano);
    columns.tty.append(row.tty);
    columns.provenance.append(row.provenance);
    columns.parent.append(row.parent);
    columns.ancestry.append(row.ancestry);
    columns.sessionId.append(row.sessionId);
    columns.argsCount.append(row.argsCount);
    columns.sessionLeader.append(row.sessionLeader);
    columns.executableSha256.append(row.executableSha256);
    columns.ancestryCount.append(row.ancestryCount);
  },
  build: (read, index) => ({
    entityId: read.entityId(index),
    pid: read.pid(index),
    name: read.name(index),
    executable: read.executable(index),
    args: read.args(index),
    workingDirectory: read.workingDirectory(index),
    title: read.title(index),
    startUnixNano: read.startUnixNano(index),
    tty: read.tty(index),
    provenance: read.provenance(index),
    parent: read.parent(index),
    ancestry: read.ancestry(index),
    sessionId: read.sessionId(index),
    argsCount: read.argsCount(index),
    sessionLeader: read.sessionLeader(index),
    executableSha256: read.executableSha256(index),
    ancestryCount: read.ancestryCount(index),
  }),
  columns: {
    entityId: text(2),
    pid: delta(3),
    name: text(4),
    executable: text(5),
    args: texts(6, 7),
    workingDirectory: text(8),
    title: text(9),
    startUnixNano: int64(10),
    tty: text(11),
    provenance: text(12),
    parent: parent(13),
    ancestry: ancestry(14),
    sessionId: number(15),
    argsCount: number(16),
    sessionLeader: link<ProcessReference, "references">(17, "references"),
    executableSha256: text(18),
    ancestryCount: number(19),
  },
  made: { name: "commandLine", make: (row) => row.args.join(" ") },
};

/** A process, or a view of one: many rows may have one parent, whose arguments a view joins once. */
export type ProcessOrView = Process & { readonly commandLine?: string };

/** What a user row refers to. */
export type UserLinks = { groups: RowAdder<Group> };

export const users: TableSpec<User, UserLinks> = {
  place: "users",
  field: 7,
  key: (row) => row.id,
  columns: {
    id: number(2),
    name: text(3),
    effectiveId: number(4),
    effectiveName: text(5),
    savedId: number(6),
    filesystemId: number(7),
    auditId: number(8),
    auditName: text(9),
    group: link<Group, "groups">(10, "groups"),
    targetName: text(11),
  },
};

export const groups: TableSpec<Group, unknown> = {
  place: "groups",
  field: 16,
  key: (row) => row.id,
  columns: { id: number(2), name: text(3), effectiveId: number(4), savedId: number(5), filesystemId: number(6) },
};

/** What a file row refers to. */
export type FileLinks = { fileStates: RowAdder<FileState> };

export const fileStates: TableSpec<FileState, unknown> = {
  place: "file_states",
  field: 17,
  key: (row) => row.sha256,
  columns: { exists: flag(2), size: halves(3, 4), mode: number(5), uid: number(6), gid: number(7), sha256: text(8) },
};

export const files: TableSpec<File, FileLinks> = {
  place: "files",
  field: 8,
  key: (row) => row.path,
  same: (a, b) =>
    a.path === b.path &&
    a.item === b.item &&
    a.nametype === b.nametype &&
    // Most names are the path itself: the same string twice, compared once.
    ((a.name === a.path && b.name === b.path) || a.name === b.name) &&
    a.inode === b.inode &&
    a.device === b.device &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.owner === b.owner &&
    a.gid === b.gid &&
    a.group === b.group &&
    a.targetDevice === b.targetDevice &&
    a.hasAttributes === b.hasAttributes &&
    a.before === b.before &&
    a.after === b.after &&
    a.relativeTo === b.relativeTo,
  build: (read, index) => ({
    path: read.path(index),
    name: read.name(index),
    inode: read.inode(index),
    device: read.device(index),
    mode: read.mode(index),
    uid: read.uid(index),
    owner: read.owner(index),
    gid: read.gid(index),
    group: read.group(index),
    targetDevice: read.targetDevice(index),
    item: read.item(index),
    nametype: read.nametype(index),
    hasAttributes: read.hasAttributes(index),
    before: read.before(index),
    after: read.after(index),
    relativeTo: read.relativeTo(index),
  }),
  columns: {
    path: text(2),
    name: text(3),
    inode: halves(4, 5),
    device: text(6),
    mode: number(7),
    uid: number(8),
    owner: text(9),
    gid: number(10),
    group: text(11),
    targetDevice: text(12),
    item: number(13),
    nametype: text(14),
    hasAttributes: flag(15),
    before: link<FileState, "fileStates">(16, "fileStates"),
    after: link<FileState, "fileStates">(17, "fileStates"),
    relativeTo: text(18),
  },
};

export const endpoints: TableSpec<Endpoint, unknown> = {
  place: "endpoints",
  field: 9,
  key: (row) => row.address,
  columns: { address: text(2), ip: text(3), port: number(4), path: text(5), family: text(6), domain: text(7) },
};

export const containers: TableSpec<Container, unknown> = {
  place: "containers",
  field: 10,
  key: (row) => row.id,
  columns: { id: text(2), runtime: text(3), systemdUnit: text(4) },
};

export const CLOUD = { instanceId: 6, accountId: 3 } as const;

export const clouds: TableSpec<Cloud, unknown> = {
  place: "clouds",
  field: 11,
  key: (row) => row.instanceId,
  columns: {
    provider: text(2),
    accountId: text(CLOUD.accountId),
    region: text(4),
    availabilityZone: text(5),
    instanceId: text(CLOUD.instanceId),
    machineType: text(7),
    tags: labels(8, 9, 10),
  },
};

/** The part of a system call that repeats from event to event. */
export type SyscallKind = Omit<Syscall, "exit" | "arguments">;

export const syscalls: TableSpec<SyscallKind, unknown> = {
  place: "syscalls",
  field: 12,
  key: (row) => row.number,
  same: (a, b) =>
    a.number === b.number &&
    a.success === b.success &&
    a.items === b.items &&
    a.arch === b.arch &&
    a.name === b.name &&
    a.archName === b.archName,
  columns: { arch: number(2), number: number(3), name: text(4), success: text(5), items: number(6), archName: text(7) },
};

export const records: TableSpec<AuditRecord, unknown> = {
  place: "records",
  field: 13,
  key: (row) => row.layout,
  columns: { type: number(2), typeName: text(3), layout: text(4), fields: recordFields(5, 6, 7, 8) },
};

export const references: TableSpec<ProcessReference, unknown> = {
  place: "references",
  field: 14,
  key: (row) => row.entityId,
  columns: { entityId: text(2), pid: delta(3), name: text(4), executable: text(5) },
};

/** EventColumns.ancestries: rows that are lists of references. */
export const ANCESTRIES = { field: 15, lengths: 2, references: 3 } as const;

/** EventColumns.count, strings, events and padding. */
export const TOP = { count: 1, strings: 2, events: 3, padding: 32 } as const;

/** The columns of EventRows. */
export const EVENT = {
  time: 1,
  kind: 2,
  host: 3,
  process: 4,
  user: 5,
  filesLength: 6,
  files: 7,
  source: 8,
  destination: 9,
  container: 10,
  cloud: 11,
  hasAudit: 12,
  serial: 13,
  node: 14,
  partial: 15,
  syscall: 16,
  exit: 17,
  argumentsLength: 18,
  argumentsLow: 19,
  argumentsHigh: 20,
  keysLength: 21,
  keys: 22,
  recordsLength: 23,
  records: 24,
  targetsLength: 25,
  targets: 26,
  redacted: 27,
} as const;

/** A table that refers to no other one. */
export type PlainSpec<Row extends object> = TableSpec<Row, unknown>;
