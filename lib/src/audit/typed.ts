/**
 * The text that the kernel writes for a field which has a place of its own in the event.
 *
 * Used in both directions: the agent leaves a field out of a record where this gives the same text, and a
 * reader gets the text back from here.
 */
import type { Endpoint, Event, File } from "@hosttrail/proto/event";
import { hexOf, quote } from "./text.ts";
import { RECORD } from "./types.ts";

const encoder = new TextEncoder();
/** The kernel cuts PROCTITLE at this many bytes (MAX_PROCTITLE_AUDIT_LEN). */
const TITLE_BYTES_MAX = 128;

/** The field's text, or undefined where the event has no place for it. `occurrence` counts records of a type. */
export function typedValue(event: Event, type: number, key: string, occurrence: number): string | undefined {
  if (type === RECORD.PATH) return pathValue(fileOf(event, occurrence), key);
  if (occurrence > 0) return undefined;
  switch (type) {
    case RECORD.SYSCALL:
      return syscallValue(event, key) ?? actorValue(event, key);
    case RECORD.EXECVE:
      return execveValue(event, key);
    case RECORD.CWD:
      return key === "cwd" && event.process !== undefined ? quote(event.process.workingDirectory) : undefined;
    case RECORD.PROCTITLE:
      return key === "proctitle" ? titleValue(event) : undefined;
    case RECORD.SOCKADDR:
      return key === "saddr" ? socketAddressValue(event.destination ?? event.source) : undefined;
    default:
      return undefined;
  }
}

function syscallValue(event: Event, key: string): string | undefined {
  const syscall = event.audit?.syscall;
  if (syscall === undefined) return undefined;
  switch (key) {
    case "arch":
      return syscall.arch.toString(16);
    case "syscall":
      return String(syscall.number);
    case "success":
      return syscall.success;
    case "exit":
      return String(syscall.exit);
    case "a0":
      return syscall.arguments[0]?.toString(16);
    case "a1":
      return syscall.arguments[1]?.toString(16);
    case "a2":
      return syscall.arguments[2]?.toString(16);
    case "a3":
      return syscall.arguments[3]?.toString(16);
    case "items":
      return String(syscall.items);
    case "key":
      return keyValue(event.audit?.keys ?? []);
    default:
      return undefined;
  }
}

/** Several keys of one event stand in one field, divided by 0x01. */
function keyValue(keys: readonly string[]): string {
  return keys.length === 0 ? "(null)" : quote(keys.join("\u0001"));
}

function actorValue(event: Event, key: string): string | undefined {
  const { process, user } = event;
  switch (key) {
    case "ppid":
      return numberText(process?.parent?.pid);
    case "pid":
      return numberText(process?.pid);
    case "tty":
      return process?.tty;
    case "ses":
      return numberText(process?.sessionId);
    case "comm":
      return process === undefined ? undefined : quote(process.name);
    case "exe":
      return process === undefined ? undefined : quote(process.executable);
    case "auid":
      return numberText(user?.auditId);
    case "uid":
      return numberText(user?.id);
    case "euid":
      return numberText(user?.effectiveId);
    case "suid":
      return numberText(user?.savedId);
    case "fsuid":
      return numberText(user?.filesystemId);
    case "gid":
      return numberText(user?.group?.id);
    case "egid":
      return numberText(user?.group?.effectiveId);
    case "sgid":
      return numberText(user?.group?.savedId);
    case "fsgid":
      return numberText(user?.group?.filesystemId);
    default:
      return undefined;
  }
}

function numberText(value: number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

function execveValue(event: Event, key: string): string | undefined {
  const { process } = event;
  if (process === undefined) return undefined;
  if (key === "argc") return String(process.argsCount);
  if (key.charCodeAt(0) !== 0x61) return undefined;
  const index = Number(key.slice(1));
  const argument = Number.isInteger(index) && `a${index}` === key ? process.args[index] : undefined;
  return argument === undefined ? undefined : quote(argument);
}

function titleValue(event: Event): string | undefined {
  const { process } = event;
  if (process === undefined) return undefined;
  const title = process.title === "" ? titleOfArguments(process.args) : process.title;
  return title === undefined ? undefined : quote(title);
}

/**
 * The title that a process has when it did not change it: its arguments, NUL between them, cut. Undefined
 * where the cut would fall into a character.
 */
export function titleOfArguments(args: readonly string[]): string | undefined {
  // Asked again and again of the same process.
  if (titles.has(args)) return titles.get(args);
  const title = joinTitle(args);
  titles.set(args, title);
  return title;
}

const titles = new WeakMap<readonly string[], string | undefined>();

function joinTitle(args: readonly string[]): string | undefined {
  const title = args.join("\0");
  const bytes = encoder.encode(title);
  if (bytes.length < TITLE_BYTES_MAX) return title;
  return bytes.length === title.length ? title.slice(0, TITLE_BYTES_MAX - 1) : undefined;
}

/** The file of the n-th PATH record: the object stands first in the event, whatever its item number. */
export function fileOf(event: Event, occurrence: number): File | undefined {
  const { files } = event;
  const direct = files[occurrence];
  if (direct?.item === occurrence) return direct;
  return files.find((file) => file.item === occurrence);
}

function pathValue(file: File | undefined, key: string): string | undefined {
  if (file === undefined) return undefined;
  if (key === "item") return String(file.item);
  if (key === "name") return quote(file.name);
  if (key === "nametype") return file.nametype;
  if (!file.hasAttributes) return undefined;
  switch (key) {
    case "inode":
      return String(file.inode);
    case "dev":
      return file.device;
    case "mode":
      return `0${file.mode.toString(8)}`;
    case "ouid":
      return String(file.uid);
    case "ogid":
      return String(file.gid);
    case "rdev":
      return file.targetDevice;
    case "cap_fp":
    case "cap_fi":
    case "cap_fe":
    case "cap_fver":
    case "cap_frootid":
      // File capabilities have no place of their own yet; nearly every file has none.
      return "0";
    default:
      return undefined;
  }
}

/** sockaddr as the kernel dumps it: family in host order (little-endian here), port and address in network order. */
export function socketAddressValue(endpoint: Endpoint | undefined): string | undefined {
  if (endpoint === undefined) return undefined;
  const port = endpoint.port.toString(16).padStart(4, "0").toUpperCase();
  if (endpoint.family === "inet") {
    const bytes = endpoint.ip.split(".").map(Number);
    return `0200${port}${hexOf(Uint8Array.from(bytes))}0000000000000000`;
  }
  if (endpoint.family === "unix" && endpoint.path !== "" && !endpoint.path.startsWith("@")) {
    return `0100${hexOf(encoder.encode(endpoint.path))}00`;
  }
  return undefined;
}
