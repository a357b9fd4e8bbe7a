/**
 * Writes agent/src/model/syscalls.ts from the kernel headers of this machine (linux-libc-dev).
 * Usage: node tools/syscalls/generate.ts
 */
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";

const X86 = ["/usr/include/x86_64-linux-gnu/asm", "/usr/include/asm"].find((path) => existsSync(`${path}/unistd_64.h`));
if (X86 === undefined) throw new Error("no unistd_64.h here: install linux-libc-dev on an x86_64 machine");

/** What arch/arm64/include/asm/unistd.h asks of the generic table. */
const ARM64 = ["RENAMEAT", "NEW_STAT", "SET_GET_RLIMIT", "TIME32_SYSCALLS", "SYS_CLONE3", "MEMFD_SECRET"];

function table(header: string, defines: string[], prefix = 0): [number, string][] {
  const text = execFileSync("gcc", ["-E", "-dM", ...defines, "-include", header, "-x", "c", "/dev/null"], {
    encoding: "utf8",
  });
  const values = new Map<string, string>();
  for (const match of text.matchAll(/^#define (\w+) (.+)$/gm)) values.set(match[1] ?? "", match[2] ?? "");
  const rows: [number, string][] = [];
  for (const [name, value] of values) {
    if (!name.startsWith("__NR_") || /__NR_(syscalls|arch_specific_syscall)$/.test(name)) continue;
    const alias = values.get(value) ?? value;
    const number = Number(alias.replace(/[()]|__X32_SYSCALL_BIT \+ /g, ""));
    if (Number.isInteger(number)) rows.push([number - prefix, name.slice("__NR_".length).replace(/^3264_/, "")]);
  }
  return rows.sort(([a], [b]) => a - b).filter(([number], at, all) => number !== all[at - 1]?.[0]);
}

const tables = {
  x86_64: table(`${X86}/unistd_64.h`, []),
  i386: table(`${X86}/unistd_32.h`, []),
  x32: table(`${X86}/unistd_x32.h`, []),
  aarch64: table("/usr/include/asm-generic/unistd.h", [
    "-D__BITS_PER_LONG=64",
    ...ARM64.map((name) => `-D__ARCH_WANT_${name}`),
  ]),
};

let source = "/** System calls by number. Made by tools/syscalls/generate.ts from kernel headers; do not edit. */\n\n";
for (const [name, rows] of Object.entries(tables)) {
  const list: string[] = [];
  for (const [number, call] of rows) list[number] = call;
  const text = Array.from(list, (call) => call ?? "").join(" ");
  source += `export const ${name.toUpperCase()}_SYSCALLS: string =\n  "${text}";\n\n`;
}
writeFileSync(new URL("../../agent/src/model/syscalls.ts", import.meta.url), `${source.trimEnd()}\n`);
