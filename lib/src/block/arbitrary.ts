/** Generators of events for property tests: every field, and the values that break codecs. */
import type {
  Audit,
  AuditRecord,
  Cloud,
  Container,
  Endpoint,
  Event,
  EventInfo,
  File,
  FileState,
  Group,
  Host,
  Process,
  Syscall,
  User,
} from "@hosttrail/proto/event";
import fc from "fast-check";

/** A record with the prototype of an object literal, so that deepEqual compares values only. */
function row<Row extends object>(model: { [Name in keyof Row]: fc.Arbitrary<Row[Name]> }): fc.Arbitrary<Row> {
  return fc.record<Row>(model, { noNullPrototype: true });
}

/** Any well-formed string: empty, NULs, all planes of Unicode, and now and then a huge one. */
const text: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: "binary", maxLength: 12 }) },
  { weight: 6, arbitrary: fc.constantFrom("", "a", "/bin/ls", "\0", "é\0\u{1f600}", "__proto__", "constructor") },
  { weight: 1, arbitrary: fc.integer({ min: 60, max: 140_000 }).map((length) => "x".repeat(length)) },
);
const u32 = fc.oneof(fc.constantFrom(0, 1, 127, 128, 0x7fffffff, 0x80000000, 0xffffffff), fc.nat(0xffffffff));
const u64 = fc.oneof(
  fc.constantFrom(0n, 1n, 0xffffffffn, 1n << 63n, (1n << 64n) - 1n),
  fc.bigInt(0n, (1n << 64n) - 1n),
);
const i64 = fc.oneof(
  fc.constantFrom(0n, -1n, -(1n << 32n), 1n << 53n, -(1n << 63n), (1n << 63n) - 1n),
  fc.bigInt(-(1n << 63n), (1n << 63n) - 1n),
  fc.nat(1000).map((seconds) => 1_700_000_000_000_000_000n + BigInt(seconds) * 1_000_000n),
);
const texts = fc.oneof({ weight: 9, arbitrary: fc.array(text, { maxLength: 4 }) }, fc.array(text, { maxLength: 300 }));
/** Bytes that are not UTF-8. */
const binary = fc.uint8Array({ minLength: 0, maxLength: 8 }).map((bytes) => Uint8Array.from([0xff, 0xfe, ...bytes]));

const info: fc.Arbitrary<EventInfo> = row({
  timeUnixNano: i64,
  kind: text,
  category: texts,
  type: texts,
  action: text,
  outcome: text,
  sequence: fc.constant(0n),
});
const host: fc.Arbitrary<Host> = row({
  id: text,
  name: text,
  bootId: text,
  architecture: text,
  osName: text,
  osVersion: text,
  kernel: text,
  ip: texts,
  labels: fc.array(row({ key: text, value: text }), { maxLength: 3 }),
  machineId: text,
});
const reference = row({ entityId: text, pid: u32, name: text, executable: text });
const process: fc.Arbitrary<Process> = fc.letrec<{ process: Process }>((tie) => ({
  process: row({
    entityId: text,
    pid: u32,
    name: text,
    executable: text,
    args: texts,
    workingDirectory: text,
    title: text,
    startUnixNano: i64,
    tty: text,
    provenance: text,
    parent: fc.option(tie("process"), { nil: undefined, depthSize: "small", maxDepth: 3 }),
    ancestry: fc.array(reference, { maxLength: 3 }),
    sessionId: u32,
    argsCount: u32,
    sessionLeader: fc.option(reference, { nil: undefined }),
    executableSha256: text,
    ancestryCount: u32,
  }),
})).process;
const group: fc.Arbitrary<Group> = row({
  id: u32,
  name: text,
  effectiveId: u32,
  savedId: u32,
  filesystemId: u32,
});
const user: fc.Arbitrary<User> = row({
  id: u32,
  name: text,
  effectiveId: u32,
  effectiveName: text,
  savedId: u32,
  filesystemId: u32,
  auditId: u32,
  auditName: text,
  group: fc.option(group, { nil: undefined }),
  targetName: text,
});
const fileState: fc.Arbitrary<FileState> = row({
  exists: fc.boolean(),
  size: u64,
  mode: u32,
  uid: u32,
  gid: u32,
  sha256: text,
});
const file: fc.Arbitrary<File> = row({
  path: text,
  name: text,
  inode: u64,
  device: text,
  mode: u32,
  uid: u32,
  owner: text,
  gid: u32,
  group: text,
  targetDevice: text,
  item: u32,
  nametype: text,
  hasAttributes: fc.boolean(),
  before: fc.option(fileState, { nil: undefined }),
  after: fc.option(fileState, { nil: undefined }),
  relativeTo: text,
});
const endpoint: fc.Arbitrary<Endpoint> = row({
  address: text,
  ip: text,
  port: u32,
  path: text,
  family: text,
  domain: text,
});
const container: fc.Arbitrary<Container> = row({ id: text, runtime: text, systemdUnit: text });
const cloud: fc.Arbitrary<Cloud> = row({
  provider: text,
  accountId: text,
  region: text,
  availabilityZone: text,
  instanceId: text,
  machineType: text,
  tags: fc.array(row({ key: text, value: text }), { maxLength: 3 }),
});
const syscall: fc.Arbitrary<Syscall> = row({
  arch: u32,
  number: u32,
  name: text,
  success: text,
  exit: i64,
  arguments: fc.array(u64, { maxLength: 6 }),
  items: u32,
  archName: text,
});
const field = fc.oneof(
  row({ key: text, value: text, valueBytes: fc.constant(new Uint8Array(0)) }),
  row({ key: text, value: fc.constant(""), valueBytes: binary }),
);
const record: fc.Arbitrary<AuditRecord> = row({
  type: u32,
  typeName: text,
  layout: text,
  fields: fc.array(field, { maxLength: 4 }),
});
const audit: fc.Arbitrary<Audit> = row({
  serial: u32,
  node: text,
  partial: text,
  syscall: fc.option(syscall, { nil: undefined }),
  keys: texts,
  records: fc.array(record, { maxLength: 5 }),
  redacted: u32,
});

function optional<Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> {
  return fc.option(arbitrary, { nil: undefined });
}

/** Any event, its id and sequence left to the block. */
export const anyEvent: fc.Arbitrary<Event> = row({
  id: fc.constant(""),
  event: optional(info),
  host: optional(host),
  process: optional(process),
  user: optional(user),
  files: fc.array(file, { maxLength: 4 }),
  source: optional(endpoint),
  destination: optional(endpoint),
  container: optional(container),
  cloud: optional(cloud),
  audit: optional(audit),
  targets: fc.array(process, { maxLength: 2 }),
});
