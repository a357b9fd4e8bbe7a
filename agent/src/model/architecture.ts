/** What a system call number means: nothing without its architecture. */
import { AARCH64_SYSCALLS, I386_SYSCALLS, X32_SYSCALLS, X86_64_SYSCALLS } from "./syscalls.ts";

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
export type ArchName = "x86_64" | "i386" | "x32" | "aarch64";

const TABLES: Readonly<Record<ArchName, readonly string[]>> = {
  x86_64: X86_64_SYSCALLS.split(" "),
  i386: I386_SYSCALLS.split(" "),
  x32: X32_SYSCALLS.split(" "),
  aarch64: AARCH64_SYSCALLS.split(" "),
};

/** The architecture's name and the system call's, each empty where not known. */
export function nameSyscall(arch: number, number: number): { archName: string; name: string } {
  if (arch === ARCH.x86_64) {
    return number >= X32_BIT
      ? { archName: "x32", name: TABLES.x32[number - X32_BIT] ?? "" }
      : { archName: "x86_64", name: TABLES.x86_64[number] ?? "" };
  }
  if (arch === ARCH.i386) return { archName: "i386", name: TABLES.i386[number] ?? "" };
  if (arch === ARCH.aarch64) return { archName: "aarch64", name: TABLES.aarch64[number] ?? "" };
  return { archName: arch === ARCH.arm ? "arm" : "", name: "" };
}

/** Number of a system call, or undefined where the architecture has none of that name. */
export function syscallNumber(arch: ArchName, name: string): number | undefined {
  const number = TABLES[arch].indexOf(name);
  return number < 0 || name === "" ? undefined : number;
}

/** The audit name of an architecture as Node names it; undefined where we do not know it. */
export function nativeArch(nodeArch: string): ArchName | undefined {
  if (nodeArch === "x64") return "x86_64";
  return nodeArch === "arm64" ? "aarch64" : undefined;
}
