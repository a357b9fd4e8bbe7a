/**
 * One run of the agent, and the one before it: whether that ended in order. A file says so while a run goes on; a run that finds it there
 * follows one that was killed, or a system that went down without a word.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileDurably } from "@hosttrail/lib/files";
import type { SystemState } from "./system.ts";

export { type SystemState, systemState } from "./system.ts";

/**
 * How the run before this one ended. "none": there was none, or it is not known. "killed": it never said goodbye, and the system is still up.
 * "went-down": neither did it, and the system has booted since.
 */
type PreviousEnd = "none" | "stopped" | "killed" | "went-down";

export interface Previous {
  end: PreviousEnd;
  /** Milliseconds since 1970; undefined where that is not known. */
  startMs: number | undefined;
  endMs: number | undefined;
}

interface Run {
  bootId: string;
  startMs: number;
  /** Undefined while it goes on. */
  endMs?: number;
  system?: SystemState;
}

const FILE = "last-run.json";
const NOTHING: Previous = { end: "none", startMs: undefined, endMs: undefined };

export class Lifetime {
  readonly previous: Previous;
  readonly #file: string;
  readonly #run: Run;

  /** A run that begins now; what is kept of the one before it lies in this folder. */
  constructor(directory: string, bootId: string, nowMs: number) {
    this.#file = join(directory, FILE);
    this.previous = previousOf(readRun(this.#file), bootId);
    this.#run = { bootId, startMs: nowMs };
  }

  /** Keeps that it goes on. Throws where the disk takes nothing. */
  begin(): void {
    this.#write(this.#run);
  }

  /** Keeps that it ended in order. Throws where the disk takes nothing. */
  end(nowMs: number, system: SystemState): void {
    this.#write({ ...this.#run, endMs: nowMs, system });
  }

  #write({ bootId, startMs, endMs, system }: Run): void {
    const about = { boot_id: bootId, start_ms: startMs, end_ms: endMs, system };
    writeFileDurably(this.#file, `${JSON.stringify(about)}\n`);
  }
}

function previousOf(run: Run | undefined, bootId: string): Previous {
  if (run === undefined) return NOTHING;
  const { startMs, endMs } = run;
  if (endMs !== undefined) return { end: "stopped", startMs, endMs };
  return { end: run.bootId === bootId ? "killed" : "went-down", startMs, endMs };
}

/** Undefined where there is none, or none that can be read: of what is not known nothing is said. */
function readRun(file: string): Run | undefined {
  try {
    const read = JSON.parse(readFileSync(file, "utf8")) as Partial<Record<string, unknown>> | null;
    const { boot_id: bootId, start_ms: startMs, end_ms: endMs } = read ?? {};
    if (typeof bootId !== "string" || typeof startMs !== "number") return undefined;
    return typeof endMs === "number" ? { bootId, startMs, endMs } : { bootId, startMs };
  } catch {
    return undefined;
  }
}
