/** What a system call number means: nothing without its architecture. */
import {
  AARCH64_SYSCALLS,
  ARM_SYSCALLS,
  AUDIT_ARCH,
  I386_SYSCALLS,
  X32_SYSCALLS,
  X86_64_SYSCALLS,
} from "./generated.ts";
import { Names } from "./names.ts";

/** AUDIT_ARCH_* of include/uapi/linux/audit.h. */
export const ARCH: Readonly<Record<"x86_64" | "i386" | "aarch64" | "arm", number>> = {
  x86_64: 0xc000003e,
  i386: 0x40000003,
  aarch64: 0xc00000b7,
  arm: 0x40000028,
};

/** x32 shares its arch with x86_64 and sets this bit in the number. */
const X32_BIT = 0x40000000;

/** An architecture whose system calls we know by name. */
export type ArchName = "x86_64" | "i386" | "x32" | "aarch64" | "arm";

const TABLES: Readonly<Record<ArchName, () => readonly string[]>> = {
  x86_64: split(X86_64_SYSCALLS),
  i386: split(I386_SYSCALLS),
  x32: split(X32_SYSCALLS),
  aarch64: split(AARCH64_SYSCALLS),
  arm: split(ARM_SYSCALLS),
};

/** Most hosts see one or two of the tables. */
function split(text: string): () => readonly string[] {
  let table: readonly string[] | undefined;
  return () => (table ??= text.split(" "));
}

const ARCHES = new Names(AUDIT_ARCH, "AUDIT_ARCH_");

/** Name of an AUDIT_ARCH_* number in lower case, e.g. "x86_64" or "s390x"; empty where it is none. */
export function archName(arch: number): string {
  return (ARCHES.name(arch) ?? "").toLowerCase();
}

/** Names of a system call and of its architecture, each empty where not known. */
export interface SyscallNames {
  archName: string;
  name: string;
}

/** Calls that were asked for before, by number and by architecture: each event asks. */
const named = new Map<number, Map<number, SyscallNames>>();
/** As many as a table has. What passes this is no call of any kernel, and is not remembered. */
const NUMBERS_MAX = 1024;
const ARCHES_MAX = 16;

/** The same object for the same call; nobody may change it. */
export function nameSyscall(arch: number, number: number): Readonly<SyscallNames> {
  let calls = named.get(arch);
  if (calls === undefined) {
    calls = new Map();
    if (named.size < ARCHES_MAX) named.set(arch, calls);
  }
  let names = calls.get(number);
  if (names === undefined) {
    names = lookUp(arch, number);
    if (calls.size < NUMBERS_MAX) calls.set(number, names);
  }
  return names;
}

function lookUp(arch: number, number: number): SyscallNames {
  const name = arch === ARCH.x86_64 && number >= X32_BIT ? "x32" : archName(arch);
  const table = Object.hasOwn(TABLES, name) ? TABLES[name as ArchName]() : [];
  return { archName: name, name: table[name === "x32" ? number - X32_BIT : number] ?? "" };
}

/** Number of a system call, or undefined where the architecture has none of that name. */
export function syscallNumber(arch: ArchName, name: string): number | undefined {
  const number = TABLES[arch]().indexOf(name);
  return number < 0 || name === "" ? undefined : number;
}

/** Names of all architectures, as `archName` gives them. */
export function archNames(): ReadonlySet<string> {
  return (knownArches ??= new Set([...Array.from(ARCHES.entries(), ([, name]) => name.toLowerCase()), "x32"]));
}
let knownArches: ReadonlySet<string> | undefined;

/** Names of all system calls that some architecture has. */
export function syscallNames(): ReadonlySet<string> {
  return (knownCalls ??= new Set(Object.values(TABLES).flatMap((table) => table().filter((name) => name !== ""))));
}
let knownCalls: ReadonlySet<string> | undefined;

/** The audit name of an architecture as Node names it; undefined where we do not know it. */
export function nativeArch(nodeArch: string): ArchName | undefined {
  if (nodeArch === "x64") return "x86_64";
  return nodeArch === "arm64" ? "aarch64" : undefined;
}
