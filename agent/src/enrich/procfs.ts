/** What /proc says of a process that is still there. */
import { readFileSync, readlinkSync } from "node:fs";

/** Clock ticks a second in /proc: USER_HZ, 100 on every architecture that Linux offers it on. */
const TICKS_PER_SECOND = 100;

export interface ProcStat {
  pid: number;
  parentPid: number;
  name: string;
  startTicks: number;
  executable: string;
  args: string[];
  workingDirectory: string;
}

/** Reads /proc/<pid>; undefined where the process is gone. */
export function readProcess(pid: number): ProcStat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name stands in parentheses and may hold anything, also parentheses: the last one ends it.
    const close = stat.lastIndexOf(")");
    const fields = stat.slice(close + 2).split(" ");
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return {
      pid,
      parentPid: Number(fields[1]),
      name: stat.slice(stat.indexOf("(") + 1, close),
      startTicks: Number(fields[19]),
      executable: linkOf(`/proc/${pid}/exe`),
      args: command === "" ? [] : command.replace(/\0$/, "").split("\0"),
      workingDirectory: linkOf(`/proc/${pid}/cwd`),
    };
  } catch {
    return undefined;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path).replace(/ \(deleted\)$/, "");
  } catch {
    // Kernel threads have none.
    return "";
  }
}

/** When the kernel booted, milliseconds since 1970. */
export function bootTimeMs(): number {
  const line = /^btime (\d+)$/m.exec(readFileSync("/proc/stat", "utf8"));
  return Number(line?.[1] ?? 0) * 1000;
}

/** Start of a process, nanoseconds since 1970. */
export function startNano(bootMs: number, ticks: number): bigint {
  return BigInt(bootMs + (ticks * 1000) / TICKS_PER_SECOND) * 1_000_000n;
}
