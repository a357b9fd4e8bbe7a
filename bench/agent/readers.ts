/** The readers that are compared: each starts, reads the kernel's audit, and stops without a trace. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { KernelAudit } from "@hosttrail/agent/kernel";
import { DevelopmentCa, freePort } from "@hosttrail/stack";
import { stringify } from "yaml";

const ROOT = new URL("../..", import.meta.url).pathname;
const STOP_TIMEOUT_MS = 10_000;

export interface Reader {
  name: string;
  /** Starts it and waits until the kernel knows it. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Its processes: what they cost is its cost. */
  pids(): number[];
  /** The end of what it printed. */
  log(): string;
}

/** A program that writes to a log and is ended by its pid. */
class Program {
  readonly #command: string;
  readonly #args: readonly string[];
  process: ChildProcess | undefined;
  output = "";

  constructor(command: string, args: readonly string[]) {
    this.#command = command;
    this.#args = args;
  }

  start(): void {
    this.output = "";
    const child = spawn(this.#command, this.#args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.output = (this.output + chunk.toString("latin1")).slice(-20_000);
      });
    }
    child.once("exit", (code, signal) => {
      this.output += `ended with ${signal ?? code}\n`;
    });
    this.process = child;
  }

  async stop(): Promise<void> {
    const { process: child } = this;
    if (child === undefined) return;
    this.process = undefined;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  }
}

/** The process and all below it. */
function tree(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "latin1").trim().split(" "),
  );
  return [pid, ...children.filter((text) => text !== "").flatMap((text) => tree(Number(text)))];
}

async function registered(name: string, program: Program): Promise<void> {
  const kernel = new KernelAudit();
  for (let turn = 0; turn < 200; turn++) {
    if (kernel.status().pid !== 0) return;
    if (program.process?.exitCode != null) break;
    await sleep(50);
  }
  throw new Error(`${name} did not register as the audit daemon:\n${program.output}`);
}

/** Waits until nobody is registered. */
async function released(): Promise<void> {
  const kernel = new KernelAudit();
  for (let turn = 0; turn < 100 && kernel.status().pid !== 0; turn++) await sleep(50);
}

function readerOf(name: string, program: Program): Reader {
  return {
    name,
    async start() {
      program.start();
      await registered(name, program);
      await sleep(500);
    },
    async stop() {
      await program.stop();
      await released();
    },
    log: () => program.output,
    pids: () => (program.process?.pid === undefined ? [] : tree(program.process.pid)),
  };
}

export function counter(folder: string): Reader {
  return readerOf("counting reader (C)", new Program(join(folder, "count"), []));
}

/** auditd with a configuration of its own; `laurel` reads from it as its plugin. */
export function auditd(folder: string, format: "RAW" | "ENRICHED", withLaurel: boolean): Reader | undefined {
  const binary = ["/sbin/auditd", "/usr/sbin/auditd"].find((path) => existsSync(path));
  const laurel = ["/usr/sbin/laurel", "/usr/bin/laurel"].find((path) => existsSync(path));
  if (binary === undefined || (withLaurel && laurel === undefined)) return undefined;
  const name = `auditd ${format}${withLaurel ? " + laurel" : ""}`;
  const own = join(folder, name.replaceAll(/\W+/g, "-"));
  mkdirSync(join(own, "plugins"), { recursive: true, mode: 0o750 });
  const settings: Record<string, string | number> = {
    log_file: join(own, "audit.log"),
    log_format: format,
    write_logs: withLaurel ? "no" : "yes",
    log_group: "root",
    priority_boost: 4,
    flush: "INCREMENTAL_ASYNC",
    freq: 50,
    num_logs: 3,
    max_log_file: 50,
    max_log_file_action: "ROTATE",
    space_left: 75,
    space_left_action: "IGNORE",
    admin_space_left: 50,
    admin_space_left_action: "IGNORE",
    disk_full_action: "IGNORE",
    disk_error_action: "IGNORE",
    name_format: "NONE",
    q_depth: 20_000,
    overflow_action: "IGNORE",
    plugin_dir: join(own, "plugins"),
    distribute_network: "no",
  };
  const text = Object.entries(settings).map(([key, value]) => `${key} = ${value}\n`);
  writeFileSync(join(own, "auditd.conf"), text.join(""), { mode: 0o640 });
  if (withLaurel) {
    writeFileSync(
      join(own, "laurel.toml"),
      `directory = "${own}"\nuser = "root"\n[auditlog]\nfile = "laurel.log"\nsize = 50000000\ngenerations = 2\n`,
      { mode: 0o640 },
    );
    writeFileSync(
      join(own, "plugins", "laurel.conf"),
      `active = yes\ndirection = out\ntype = always\nformat = string\npath = ${laurel}\nargs = --config ${join(own, "laurel.toml")}\n`,
      { mode: 0o640 },
    );
  }
  return readerOf(name, new Program(binary, ["-n", "-s", "nochange", "-c", own]));
}

export interface OurAgent extends Reader {
  /** Events that the sink has got, and their bytes in blocks. */
  received(): Promise<{ events: number; bytes: number }>;
}

/** Our agent, its whole way to a collector that takes everything, and keeps the blocks as files where a folder is said. */
export async function agent(
  folder: string,
  binary: string,
  change: Record<string, unknown> = {},
  kept = "",
): Promise<OurAgent> {
  const own = join(folder, "hosttrail");
  mkdirSync(own, { recursive: true, mode: 0o700 });
  const ca = await DevelopmentCa.create(own);
  const hostId = "0123456789abcdef0123456789abcdef";
  const [host, server, port] = await Promise.all([ca.host(hostId), ca.server(), freePort()]);
  const config = join(own, "agent.yaml");
  writeFileSync(
    config,
    stringify({
      host_id: hostId,
      state_directory: join(own, "state"),
      runtime_directory: existsSync("/dev/shm") ? `/dev/shm/hosttrail-bench-${process.pid}` : join(own, "run"),
      collector: {
        endpoints: [`localhost:${port}`],
        ca_file: ca.caFile,
        certificate_file: host.certificateFile,
        key_file: host.keyFile,
      },
      audit: { rules_directory: "", backlog_limit: 65_536, enable: false, on_stop: "release" },
      source: { mode: "unicast" },
      ...change,
    }),
    { mode: 0o600 },
  );
  const sink = new Program(process.execPath, [
    join(ROOT, "bench/agent/sink.ts"),
    ca.caFile,
    server.certificateFile,
    server.keyFile,
    String(port),
    kept,
  ]);
  const program = new Program(binary, ["run", "--config", config]);
  const reader = readerOf("hosttrail agent", program);
  return {
    ...reader,
    async start() {
      sink.start();
      await reader.start();
      for (let turn = 0; turn < 100 && !program.output.includes("connected to the collector"); turn++) await sleep(50);
    },
    async stop() {
      await reader.stop();
      await sink.stop();
    },
    async received() {
      sink.output = "";
      sink.process?.kill("SIGUSR1");
      for (let turn = 0; turn < 100 && !sink.output.includes("\n"); turn++) await sleep(20);
      const [events = 0, bytes = 0] = sink.output.trim().split(" ").map(Number);
      return { events, bytes };
    },
  };
}
