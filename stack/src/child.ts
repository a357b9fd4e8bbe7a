/** Child processes that leave nothing behind: each is noted in a file, so that the next start can end what is left. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface ChildOptions {
  name: string;
  command: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Where log and note go. */
  directory: string;
  /** Time for an orderly end before SIGKILL. */
  stopTimeoutMs?: number;
}

const STOP_TIMEOUT_MS = 10_000;

/** A program that runs beside us, its output in a file. */
export class Child {
  readonly logFile: string;
  readonly #options: ChildOptions;
  readonly #note: string;
  #process: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: ChildOptions) {
    this.#options = options;
    mkdirSync(options.directory, { recursive: true });
    this.logFile = join(options.directory, `${options.name}.log`);
    this.#note = join(options.directory, `${options.name}.pid`);
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  start(): void {
    if (this.#process !== undefined) throw new Error(`${this.#options.name} runs already`);
    const { command, args, env } = this.#options;
    const log = openSync(this.logFile, "a", 0o600);
    // A session of its own keeps Ctrl-C for us alone: we stop our children in order.
    const child = spawn(command, args, {
      stdio: ["ignore", log, log],
      detached: true,
      env: { ...process.env, ...env },
    });
    closeSync(log);
    this.#process = child;
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        if (this.#process === child) this.#process = undefined;
        resolve();
      };
      child.once("exit", end);
      child.once("error", end);
    });
    if (child.pid !== undefined) writeFileSync(this.#note, `${child.pid} ${startTicks(child.pid) ?? ""}`);
  }

  /** Sends a signal and waits for the end. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#process?.kill(signal);
    await this.#ended;
  }

  /** Ends the program in order, by force when it does not end. Safe twice. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child !== undefined) {
      child.kill("SIGTERM");
      const timeoutMs = this.#options.stopTimeoutMs ?? STOP_TIMEOUT_MS;
      const timeout = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
      await this.#ended;
      clearTimeout(timeout);
    }
    rmSync(this.#note, { force: true });
  }

  /** The last lines of the log, for error messages. */
  logTail(lines = 15): string {
    return existsSync(this.logFile)
      ? readFileSync(this.logFile, "utf8").trimEnd().split("\n").slice(-lines).join("\n")
      : "";
  }

  /** Throws, with the log, where the program has ended. */
  assertRunning(): void {
    if (!this.running) throw new Error(`${this.#options.name} ended:\n${this.logTail()}`);
  }
}

/** Start of a process in clock ticks since boot, which tells it from a later one with the same pid. */
function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

/** Ends the programs of an earlier run that was killed; returns their names. */
export async function endLeftovers(directory: string): Promise<string[]> {
  if (!existsSync(directory)) return [];
  const ended: string[] = [];
  for (const file of readdirSync(directory).filter((name) => name.endsWith(".pid"))) {
    const [pid = "", ticks = ""] = readFileSync(join(directory, file), "utf8").split(" ");
    const isOurs = (): boolean => ticks !== "" && startTicks(Number(pid)) === ticks;
    if (isOurs()) {
      ended.push(file.slice(0, -".pid".length));
      process.kill(Number(pid), "SIGTERM");
      for (let waited = 0; isOurs() && waited < STOP_TIMEOUT_MS; waited += 50) await sleep(50);
      if (isOurs()) process.kill(Number(pid), "SIGKILL");
    }
    rmSync(join(directory, file), { force: true });
  }
  return ended;
}
