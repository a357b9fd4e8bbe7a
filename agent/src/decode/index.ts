/** An event's records to an event in ECS terms: pure, bytes in and values out. */
import { RECORD, type RecordWords, recordTypeName, titleOfArguments, unquote } from "@hosttrail/lib/audit";
import { type Endpoint, type Event, type File, Process, type Syscall, type User } from "@hosttrail/proto/event";
import { nameSyscall, type RecordGroup } from "../model/index.ts";
import { meaningOf } from "./action.ts";
import { decodeArguments } from "./execve.ts";
import { intern } from "./intern.ts";
import { decodeSocketAddress } from "./sockaddr.ts";
import { hex32, hex64, i64, octal, u32, u64 } from "./values.ts";
import { messageWords, splitWords, valueOf } from "./words.ts";

/** An event and its records' words: what the event does not hold itself is kept from them later. */
export interface DecodedEvent {
  event: Event;
  words: RecordWords[];
  /** True where the event is a successful execve or execveat: the process is a new program now. */
  executed: boolean;
}

const UNSET = 0xffffffff;
/** connect() on a non-blocking socket: the connection is under way, nothing failed. */
const EINPROGRESS = -115n;

/** Decodes one event. Never throws on what a record holds: what is not understood stays in its record. */
export function decode(group: RecordGroup): DecodedEvent {
  const words = group.records.map((record) => splitWords(record.type, record.text));
  const find = (type: number): RecordWords | undefined => words.find((record) => record.type === type);
  const system = find(RECORD.SYSCALL);
  const syscall = system === undefined ? undefined : decodeSyscall(system);
  // The kernel's own fields of the first record tell who acted where there is no SYSCALL record.
  const actor = system ?? words[0];
  const process = actor === undefined ? undefined : decodeProcess(actor, words, find);
  const files = decodeFiles(words, isRelativeToDescriptor(syscall) ? "" : (process?.workingDirectory ?? ""));
  const socket = find(RECORD.SOCKADDR);
  const endpoint = socket === undefined ? undefined : decodeSocketAddress(valueOf(socket, "saddr") ?? "");
  const isSource = syscall !== undefined && SOURCE_CALLS.has(syscall.name);
  const message = actor === undefined ? undefined : messageWords(actor);
  const names = words.map((record) => recordTypeName(record.type));
  const { action, category, type } = meaningOf(names, syscall?.name ?? "", files[0]?.nametype ?? "");
  const event: Event = {
    id: "",
    event: {
      timeUnixNano: BigInt(group.seconds * 1000 + group.milliseconds) * 1_000_000n,
      kind: "event",
      category,
      type,
      action,
      outcome: outcomeOf(syscall, actor, message),
      sequence: 0n,
    },
    host: undefined,
    process,
    user: actor === undefined ? undefined : decodeUser(actor, message),
    files,
    source: isSource ? endpoint : remoteOf(message),
    destination: isSource ? undefined : endpoint,
    container: undefined,
    cloud: undefined,
    audit: {
      serial: group.serial,
      node: group.node,
      partial: group.partial,
      syscall,
      keys: decodeKeys(actor),
      records: [],
    },
  };
  return { event, words, executed: isExec(syscall) };
}

/** Calls whose SOCKADDR names this side, or who called. */
const SOURCE_CALLS = new Set(["bind", "accept", "accept4", "recvfrom", "recvmsg", "getsockname", "getpeername"]);

const AT_FDCWD = 0xffffff9c;

/** Calls like openat(dirfd, …), whose relative names do not resolve against the working directory. */
function isRelativeToDescriptor(syscall: Syscall | undefined): boolean {
  if (syscall === undefined || !/at2?$/.test(syscall.name)) return false;
  if (syscall.name.endsWith("stat")) return false;
  return Number(BigInt.asUintN(32, syscall.arguments[0] ?? 0n)) !== AT_FDCWD;
}

function isExec(syscall: Syscall | undefined): boolean {
  return syscall?.success === "yes" && (syscall.name === "execve" || syscall.name === "execveat");
}

function decodeSyscall(record: RecordWords): Syscall {
  const arch = hex32(valueOf(record, "arch"), 0);
  const number = u32(valueOf(record, "syscall"), UNSET);
  const { archName, name } = nameSyscall(arch, number);
  const success = valueOf(record, "success") ?? "";
  return {
    arch,
    number,
    name,
    success: success === "yes" || success === "no" ? success : "",
    exit: i64(valueOf(record, "exit")),
    arguments: ["a0", "a1", "a2", "a3"].map((key) => hex64(valueOf(record, key))),
    items: u32(valueOf(record, "items"), 0),
    archName,
  };
}

function decodeProcess(
  actor: RecordWords,
  words: readonly RecordWords[],
  find: (type: number) => RecordWords | undefined,
): Process | undefined {
  const pid = valueOf(actor, "pid");
  if (pid === undefined) return undefined;
  const parentPid = valueOf(actor, "ppid");
  const executions = words.filter((record) => record.type === RECORD.EXECVE);
  const { args, count } = executions.length === 0 ? { args: [], count: 0 } : decodeArguments(executions);
  const directory = find(RECORD.CWD);
  const titleRecord = find(RECORD.PROCTITLE);
  const title = titleRecord === undefined ? "" : unquote(valueOf(titleRecord, "proctitle") ?? "");
  return {
    entityId: "",
    pid: u32(pid, 0),
    name: unquoteName(valueOf(actor, "comm")),
    executable: intern(unquoteName(valueOf(actor, "exe"))),
    args,
    workingDirectory: directory === undefined ? "" : intern(unquote(valueOf(directory, "cwd") ?? "")),
    title: executions.length > 0 && title === titleOfArguments(args) ? "" : title,
    startUnixNano: 0n,
    tty: valueOf(actor, "tty") ?? "",
    provenance: "",
    parent: parentPid === undefined ? undefined : Process.fromPartial({ pid: u32(parentPid, 0) }),
    ancestry: [],
    sessionId: u32(valueOf(actor, "ses"), UNSET),
    argsCount: count,
  };
}

/** `(null)` is the kernel's word for no name. */
function unquoteName(value: string | undefined): string {
  return value === undefined || value === "(null)" ? "" : unquote(value);
}

function decodeUser(actor: RecordWords, message: RecordWords | undefined): User | undefined {
  const uid = valueOf(actor, "uid");
  if (uid === undefined && valueOf(actor, "auid") === undefined) return undefined;
  const id = (key: string): number => u32(valueOf(actor, key), UNSET);
  const target = message === undefined ? undefined : (valueOf(message, "acct") ?? valueOf(message, "id"));
  const hasGroup = valueOf(actor, "gid") !== undefined;
  return {
    id: u32(uid, UNSET),
    name: "",
    effectiveId: id("euid"),
    effectiveName: "",
    savedId: id("suid"),
    filesystemId: id("fsuid"),
    auditId: id("auid"),
    auditName: "",
    group: hasGroup
      ? { id: id("gid"), name: "", effectiveId: id("egid"), savedId: id("sgid"), filesystemId: id("fsgid") }
      : undefined,
    targetName: target === undefined ? "" : unquote(target),
  };
}

/** Files by PATH record; the object of the event first. */
function decodeFiles(words: readonly RecordWords[], workingDirectory: string): File[] {
  const files: File[] = [];
  for (const record of words) if (record.type === RECORD.PATH) files.push(decodeFile(record, workingDirectory));
  if (files.length < 2) return files;
  const object = files.find((file) => file.nametype !== "PARENT" && file.nametype !== "UNKNOWN");
  if (object === undefined || object === files[0]) return files;
  return [object, ...files.filter((file) => file !== object)];
}

function decodeFile(record: RecordWords, workingDirectory: string): File {
  const text = valueOf(record, "name");
  const name = intern(unquoteName(text));
  const path = absolute(name, workingDirectory);
  return {
    path: path === name ? name : intern(path),
    name,
    inode: u64(valueOf(record, "inode")),
    device: valueOf(record, "dev") ?? "",
    mode: octal(valueOf(record, "mode")),
    uid: u32(valueOf(record, "ouid"), UNSET),
    owner: "",
    gid: u32(valueOf(record, "ogid"), UNSET),
    group: "",
    targetDevice: valueOf(record, "rdev") ?? "",
    item: u32(valueOf(record, "item"), 0),
    nametype: valueOf(record, "nametype") ?? "",
    hasAttributes: valueOf(record, "inode") !== undefined,
  };
}

/** Joins a relative name to the working directory; names relative to another directory stay as they are. */
function absolute(name: string, workingDirectory: string): string {
  if (name === "" || name.startsWith("/") || !workingDirectory.startsWith("/")) return name;
  const parts: string[] = [];
  for (const part of `${workingDirectory}/${name}`.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** The keys of the rules that matched; 0x01 divides several. */
function decodeKeys(actor: RecordWords | undefined): string[] {
  const key = actor === undefined ? undefined : valueOf(actor, "key");
  return key === undefined || key === "(null)" ? [] : unquote(key).split("\u0001");
}

function outcomeOf(
  syscall: Syscall | undefined,
  actor: RecordWords | undefined,
  message: RecordWords | undefined,
): string {
  if (syscall !== undefined && syscall.success !== "") {
    return syscall.success === "yes" || syscall.exit === EINPROGRESS ? "success" : "failure";
  }
  const result = (message && valueOf(message, "res")) ?? (actor && valueOf(actor, "res"));
  if (result === "success" || result === "1") return "success";
  if (result === "failed" || result === "0") return "failure";
  return "unknown";
}

/** Where a session came from, as PAM and sshd tell it: a claim of user space. */
function remoteOf(message: RecordWords | undefined): Endpoint | undefined {
  const address = message && valueOf(message, "addr");
  if (address === undefined || address === "?" || address === "") return undefined;
  return { address, ip: address, port: 0, path: "", family: address.includes(":") ? "inet6" : "inet" };
}
