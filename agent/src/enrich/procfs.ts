/** What /proc says of a process that is still there. Names and arguments are whatever their process chose. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { groupPath } from "./container.ts";

/** Clock ticks a second in /proc: USER_HZ, 100 on every architecture that Linux offers it on. */
const TICKS_PER_SECOND = 100;
/** Arguments of one process that are read, at most. */
const ARGUMENTS_MAX = 4096;
const ARGUMENT_BYTES_MAX = 131_072;

export interface ProcStat {
  pid: number;
  parentPid: number;
  sessionPid: number;
  name: string;
  startTicks: number;
  executable: string;
  args: string[];
  workingDirectory: string;
}

/** Reads /proc/<pid>; undefined where the process is gone. */
export function readProcess(pid: number): ProcStat | undefined {
  if (!isAlive(pid)) return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name stands in parentheses and may hold anything, also parentheses: the last one ends it.
    const close = stat.lastIndexOf(")");
    const fields = stat.slice(close + 2).split(" ");
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").slice(0, ARGUMENT_BYTES_MAX);
    return {
      pid,
      parentPid: Number(fields[1]),
      sessionPid: Number(fields[3]),
      name: stat.slice(stat.indexOf("(") + 1, close),
      startTicks: Number(fields[19]),
      executable: linkOf(`/proc/${pid}/exe`),
      args: command === "" ? [] : command.replace(/\0$/, "").split("\0").slice(0, ARGUMENTS_MAX),
      workingDirectory: linkOf(`/proc/${pid}/cwd`),
    };
  } catch {
    return undefined;
  }
}

/** Path of a process's control group; empty where the process is gone. */
export function readGroup(pid: number): string {
  // Most often it is gone already, and an error with its stack costs more than the question.
  if (!isAlive(pid)) return "";
  try {
    return groupPath(readFileSync(`/proc/${pid}/cgroup`, "latin1"));
  } catch {
    return "";
  }
}

/** Whether there is a process of this number. */
function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

/** All processes that there are now, the oldest number first. */
export function listProcesses(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
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
