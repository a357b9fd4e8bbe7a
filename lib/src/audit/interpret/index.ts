/**
 * A field's meaning as text, for people and for rules: names for numbers, strings instead of hex. What a field
 * means depends on its record's type and, for a system call, on architecture and call.
 */
import {
  archName,
  CAPABILITY,
  ERRNO,
  type Names,
  NETFILTER_FAMILY,
  NETFILTER_HOOK,
  nameSyscall,
  RESOLVE_FLAG,
  SECCOMP_ACTION,
  SIGNAL,
  SOCKET_PROTOCOL,
  URING_OPERATION,
} from "../names/index.ts";
import { decodeSocketAddress } from "../sockaddr.ts";
import { unquote } from "../text.ts";
import { RECORD } from "../types.ts";
import { argumentMeaning, openFlagNames } from "./arguments.ts";

export { argumentMeaning, flagsForWriting, opensForWriting } from "./arguments.ts";

/** What a field's meaning may depend on. */
export interface FieldContext {
  /** Architecture of the event's system call, "" where there is none. */
  archName: string;
  /** Name of the system call, "" where there is none. */
  call: string;
  /** "yes" or "no". */
  success: string;
}

const UNSET = "4294967295";
const BPF = 1334;
const SECCOMP = 1326;
const NETFILTER_PKT = 1324;

/** Fields that the kernel and its tools write in quotes or as hex. */
const TEXT = new Set(
  "acct cmd comm cwd data device dir exe file grp key key_enforce name new-comm new_comm nas_name ocomm old-comm path proctitle reason root_dir sw sw_type unit uuid vm watch"
    .split(" ")
    .concat("invalid_context scontext tcontext subj obj"),
);
/** Hex masks of capabilities. */
const CAPABILITY_MASKS = new Set(
  "cap_fp cap_fi cap_pp cap_pi cap_pe cap_pa cap_prm cap_inh fp fi old_pp old_pi old_pe old_pa new_pp new_pi new_pe new_pa pp pi pe pa frootid_".split(
    " ",
  ),
);
const IDS = /^(?:[efs]s?|fs|o|a|oa|ob|old-a|new-a|old_|i|sa)?[ug]id$|^(?:old-|new-|o)?ses$/;

/** The field's meaning; the text itself where there is no other. */
export function interpretField(type: number, key: string, value: string, context: FieldContext): string {
  if (type === RECORD.SYSCALL) {
    const meaning = syscallField(key, value, context);
    if (meaning !== undefined) return meaning;
  }
  if (type === RECORD.EXECVE && /^a\d+(\[\d+\])?$/.test(key)) return unquote(value);
  if (TEXT.has(key)) return key === "key" ? unquote(value).replaceAll("\u0001", ",") : unquote(value);
  if (IDS.test(key)) return value === UNSET || value === "-1" ? "unset" : value;
  if (CAPABILITY_MASKS.has(key)) return capabilities(value);
  return byKey(type, key, value, context) ?? value;
}

function syscallField(key: string, value: string, { archName: arch, call, success }: FieldContext): string | undefined {
  switch (key) {
    case "arch":
      return arch === "" ? undefined : arch;
    case "syscall":
      return call === "" ? undefined : call;
    case "exit":
      return success === "no" ? errno(value) : undefined;
    case "a0":
    case "a1":
    case "a2":
    case "a3": {
      if (!/^[0-9a-f]{1,16}$/.test(value)) return undefined;
      return argumentMeaning(call, key.charCodeAt(1) - 48, BigInt(`0x${value}`), arch) ?? `0x${value}`;
    }
    default:
      return undefined;
  }
}

function errno(value: string): string {
  return value.startsWith("-") ? (ERRNO.name(Number(value.slice(1))) ?? value) : value;
}

function byKey(type: number, key: string, value: string, context: FieldContext): string | undefined {
  switch (key) {
    case "arch":
      return archName(Number.parseInt(value, 16)) || undefined;
    case "syscall":
      return nameSyscallIn(context.archName, value);
    case "mode":
    case "omode":
      return fileMode(value);
    case "oflag":
      return type === RECORD.OPENAT2 && /^[0-7]{1,11}$/.test(value)
        ? openFlagNames(Number.parseInt(value, 8), context.archName)
        : undefined;
    case "resolve":
      return type === RECORD.OPENAT2 && /^0x[0-9a-f]{1,8}$/.test(value)
        ? RESOLVE_FLAG.flags(Number(value), "0x0")
        : undefined;
    case "saddr":
      return address(value);
    case "sig":
    case "signal":
      return nameOf(SIGNAL, value);
    case "code":
      return type === SECCOMP ? nameOf(SECCOMP_ACTION, value) : undefined;
    case "capability":
      return nameOf(CAPABILITY, value);
    case "uring_op":
      return nameOf(URING_OPERATION, value);
    case "family":
      return nameOf(NETFILTER_FAMILY, value);
    case "hook":
      return nameOf(NETFILTER_HOOK, value);
    case "proto":
      return type === NETFILTER_PKT ? nameOf(SOCKET_PROTOCOL, value) : undefined;
    case "list":
      return value === "" ? undefined : FILTER_LISTS[Number(value)];
    case "res":
      return value === "1" ? "yes" : value === "0" ? "no" : undefined;
    case "op":
      if (value.startsWith('"')) return unquote(value);
      return type === BPF ? value.toLowerCase() : undefined;
    default:
      return undefined;
  }
}

function nameOf(names: Names, value: string): string | undefined {
  return /^\d{1,10}$/.test(value) ? names.name(Number(value)) : undefined;
}

// AUDIT_FILTER_* of include/uapi/linux/audit.h.
const FILTER_LISTS = ["user", "task", "entry", "watch", "exit", "exclude", "filesystem", "io_uring"];

function nameSyscallIn(arch: string, value: string): string | undefined {
  const number = { x86_64: 0xc000003e, x32: 0xc000003e, i386: 0x40000003, aarch64: 0xc00000b7, arm: 0x40000028 }[arch];
  if (number === undefined || !/^\d{1,10}$/.test(value)) return undefined;
  return nameSyscall(number, Number(value)).name || undefined;
}

/** Names of a hex mask of capabilities; "none" for no one. */
export function capabilities(mask: string): string {
  if (!/^[0-9a-f]{1,16}$/i.test(mask)) return mask;
  const bits = BigInt(`0x${mask}`);
  if (bits === 0n) return "none";
  const names: string[] = [];
  for (let at = 0n; at < 64n; at++) {
    if ((bits >> at) & 1n) names.push(CAPABILITY.name(Number(at)) ?? `cap_${at}`);
  }
  return names.join(",");
}

const FILE_TYPES: Readonly<Record<number, string>> = {
  0o010000: "fifo",
  0o020000: "character",
  0o040000: "dir",
  0o060000: "block",
  0o100000: "file",
  0o120000: "link",
  0o140000: "socket",
};

/** An octal mode as type, special bits and permissions: "file,suid,755". */
export function fileMode(text: string): string | undefined {
  if (!/^[0-7]{1,11}$/.test(text)) return undefined;
  const mode = Number.parseInt(text, 8);
  const type = FILE_TYPES[mode & 0o170000] ?? `0${(mode & 0o170000).toString(8)}`;
  const special = [
    [0o4000, "suid"],
    [0o2000, "sgid"],
    [0o1000, "sticky"],
  ] as const;
  const names = special.filter(([bit]) => (mode & bit) !== 0).map(([, name]) => name);
  return [...((mode & 0o170000) === 0 ? [] : [type]), ...names, (mode & 0o777).toString(8).padStart(3, "0")].join(",");
}

function address(value: string): string | undefined {
  const endpoint = decodeSocketAddress(value);
  if (endpoint === undefined) return undefined;
  const { family, ip, address: name, port } = endpoint;
  if (ip !== "") return `${family} ${ip.includes(":") ? `[${ip}]` : ip}:${port}`;
  return name === "" ? family : `${family} ${name}`;
}
