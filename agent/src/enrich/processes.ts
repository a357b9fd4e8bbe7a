/**
 * Who acted: processes by pid, from the forks, execs and exits that we see and from /proc where we did not.
 *
 * An entity id stands for one program image of one process, so it survives the reuse of pids. It is a hash over host,
 * boot, pid and what tells this image from the others: start ticks for a process from /proc, time and serial
 * of the exec event for one that we saw.
 */
import { hash } from "node:crypto";
import { titleOfArguments } from "@hosttrail/lib/audit";
import { type Container, type Event, type File, Process, type ProcessReference } from "@hosttrail/proto/event";
import { bootTimeMs, type ProcStat, startNano } from "./procfs.ts";

/** Processes known at once; the ones known longest are forgotten first. */
const PROCESSES_MAX = 16_384;
/** The newest ones are kept though they have ended: more events of theirs may be on the way. */
const NEWEST = 1024;
/** After so many new ones those that have ended are forgotten: no event told their end. */
const SWEEP_AFTER = 512;
/** What is left of too many. */
const KEPT_SHARE = 0.75;
const ANCESTRY_MAX = 20;
const CLONE_THREAD = 0x10000n;
/** Calls that `#follow` and `#execute` learn from. */
const FOLLOWED = new Set(["execve", "execveat", "exit_group", "fork", "vfork", "clone"]);
const INIT = 1;
/** Programs that put the processes they start into groups of their own: a child's group is not theirs. */
const MANAGERS = new Set([
  "systemd",
  "runc",
  "crun",
  "conmon",
  "containerd-shim",
  "containerd-shim-runc-v2",
  "dockerd",
  "sshd",
  "sshd-session",
  "cron",
  "crond",
  "login",
  "su",
  "systemd-nspawn",
  "lxc-start",
  "kubelet",
]);
/** Groups that are read in one second, at most; beyond that a process is taken to be where its parent is. */
const GROUP_READS_MAX = 200;

/** What the table asks of the host; all of it is empty where events are another host's. */
export interface ProcessHost {
  read(pid: number): ProcStat | undefined;
  list(): number[];
  /** The container of a process that is there now. */
  container(pid: number): Container | undefined;
  /** Hash of an executable, which is one of the inodes that the kernel named in an event that came at `cameMs`. */
  sha256(path: string, inodes: readonly bigint[], cameMs: number): string;
  /** Arguments of a process without their secrets. */
  redact(args: readonly string[]): readonly string[];
}

/** True for events after which processes are others than before. */
export function changesProcesses({ audit }: Event): boolean {
  return FOLLOWED.has(audit?.syscall?.name ?? "");
}

/** A known process. What only its children need is made when there is one: most have none. */
class Entry {
  readonly process: Process;
  readonly container: Container | undefined;
  /** The row of the last event, which most often serves the next one too. */
  last: Process;
  #asParent: Process | undefined;
  #reference: ProcessReference | undefined;
  #childAncestry: ProcessReference[] | undefined;

  constructor(process: Process, container: Container | undefined) {
    this.process = process;
    this.container = container;
    this.last = process;
  }

  /** The process as others see it, as parent: always the same object. */
  get asParent(): Process {
    this.#asParent ??= { ...this.process, title: "", parent: undefined, ancestry: [] };
    return this.#asParent;
  }

  /** As ancestor. */
  get reference(): ProcessReference {
    const { entityId, pid, name, executable } = this.process;
    this.#reference ??= { entityId, pid, name, executable };
    return this.#reference;
  }

  /** Ancestry of its children. */
  get childAncestry(): ProcessReference[] {
    this.#childAncestry ??= [this.reference, ...this.process.ancestry].slice(0, ANCESTRY_MAX);
    return this.#childAncestry;
  }
}

export class ProcessTable {
  #entries = new Map<number, Entry>();
  #sweepAt = NEWEST + SWEEP_AFTER;
  readonly #identity: string;
  readonly #bootMs: number;
  readonly #host: ProcessHost;
  #reads = 0;
  #readsSinceMs = 0;

  constructor(hostId: string, bootId: string, host: ProcessHost) {
    this.#host = host;
    this.#identity = `${hostId} ${bootId}`;
    this.#bootMs = bootTimeMs();
    for (const pid of host.list().slice(-PROCESSES_MAX)) if (!this.#entries.has(pid)) this.#read(pid, 0);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Forgets the older half, to give memory back. */
  shrink(): void {
    const count = this.#entries.size >> 1;
    for (const pid of [...this.#entries.keys()].slice(0, count)) this.#entries.delete(pid);
  }

  /** Gives an event's process its identity, parent, ancestry and container. `nowMs` is monotonic. */
  resolve(event: Event, executed: boolean, nowMs: number): void {
    const seen = event.process;
    if (seen === undefined || seen.pid === 0) return;
    const timeNano = event.event?.timeUnixNano ?? 0n;
    const serial = event.audit?.serial ?? 0;
    const entry = executed
      ? this.#execute(seen, event.files, timeNano, serial, nowMs)
      : this.#find(seen, timeNano, serial, nowMs);
    event.process = rowFor(entry, seen);
    event.container = entry.container;
    if (event.targets.length > 0) event.targets = event.targets.map((target) => this.#target(target));
    const syscall = event.audit?.syscall;
    if (syscall?.success !== "no" && syscall !== undefined)
      this.#follow(syscall.name, syscall.exit, syscall.arguments, seen.pid, timeNano);
  }

  /** True while this is what an event of the process would get. */
  isCurrent(row: Process): boolean {
    return this.#entries.get(row.pid)?.last === row;
  }

  /** A fork makes a process, and its end is told only where exit_group is audited. */
  #follow(call: string, exit: bigint, args: readonly bigint[], pid: number, timeNano: bigint): void {
    if (call === "exit_group") this.#entries.delete(pid);
    const forks = call === "fork" || call === "vfork" || (call === "clone" && ((args[0] ?? 0n) & CLONE_THREAD) === 0n);
    const parent = forks && exit > 0n && exit < 1n << 31n ? this.#entries.get(pid) : undefined;
    if (parent === undefined) return;
    const child = Number(exit);
    this.#add(
      {
        ...parent.process,
        pid: child,
        entityId: this.#entityId(child, `fork ${timeNano}`),
        startUnixNano: timeNano,
        provenance: "observed",
        ...this.#under(parent),
      },
      parent.container,
    );
  }

  #target(target: Process): Process {
    const known = this.#entries.get(target.pid) ?? this.#read(target.pid, 0);
    return known !== undefined && (target.name === "" || known.process.name === target.name) ? known.asParent : target;
  }

  #execute(seen: Process, files: readonly File[], timeNano: bigint, serial: number, nowMs: number): Entry {
    const before = this.#entries.get(seen.pid);
    const parent = this.#parentOf(seen.parent?.pid ?? 0, timeNano);
    return this.#add(
      {
        ...seen,
        entityId: this.#entityId(seen.pid, `exec ${timeNano} ${serial}`),
        // An exec keeps the process and so its start.
        startUnixNano: before?.process.startUnixNano ?? timeNano,
        provenance: "observed",
        executableSha256: this.#host.sha256(
          seen.executable,
          files.map((file) => file.inode),
          nowMs,
        ),
        ...this.#under(parent),
        sessionLeader: before?.process.sessionLeader ?? parent?.process.sessionLeader,
      },
      this.#containerOf(seen.pid, parent, nowMs),
    );
  }

  /** A process is where its parent is, unless the parent is one that moves its children. */
  #containerOf(pid: number, parent: Entry | undefined, nowMs: number): Container | undefined {
    if (nowMs - this.#readsSinceMs >= 1000) {
      this.#readsSinceMs = nowMs;
      this.#reads = 0;
    }
    const isSure = parent !== undefined && parent.process.pid !== INIT && !MANAGERS.has(parent.process.name);
    // Even a sure one is looked at now and then: who moves its children can have any name.
    if (this.#reads >= GROUP_READS_MAX || (isSure && this.#reads >= GROUP_READS_MAX >> 2)) return parent?.container;
    this.#reads++;
    return this.#host.container(pid) ?? parent?.container;
  }

  #find(seen: Process, timeNano: bigint, serial: number, nowMs: number): Entry {
    const known = this.#entries.get(seen.pid);
    // Some records name no executable, as those of io_uring.
    if (known !== undefined && (seen.executable === "" || known.process.executable === seen.executable)) return known;
    const read = this.#read(seen.pid, 0);
    if (read !== undefined && (seen.executable === "" || read.process.executable === seen.executable)) return read;
    const parent = this.#parentOf(seen.parent?.pid ?? 0, timeNano);
    return this.#add(
      {
        ...seen,
        entityId: this.#entityId(seen.pid, `seen ${timeNano} ${serial}`),
        startUnixNano: 0n,
        provenance: "inferred",
        ...this.#under(parent),
      },
      this.#containerOf(seen.pid, parent, nowMs),
    );
  }

  /** Reads a process, and those above it that are not known yet, from /proc. */
  #read(pid: number, depth: number): Entry | undefined {
    const stat = this.#host.read(pid);
    if (stat === undefined) return undefined;
    const { parentPid } = stat;
    const above =
      parentPid === 0 || depth >= ANCESTRY_MAX
        ? undefined
        : (this.#entries.get(parentPid) ?? this.#read(parentPid, depth + 1));
    const leader = stat.sessionPid === pid ? undefined : this.#entries.get(stat.sessionPid)?.reference;
    const entityId = this.#entityId(pid, `start ${stat.startTicks}`);
    const own = { entityId, pid, name: stat.name, executable: stat.executable };
    return this.#add(
      {
        ...own,
        args: this.#host.redact(stat.args) as string[],
        workingDirectory: stat.workingDirectory,
        title: "",
        startUnixNano: startNano(this.#bootMs, stat.startTicks),
        tty: "",
        provenance: "procfs",
        ...this.#under(above),
        sessionId: 0,
        argsCount: stat.args.length,
        sessionLeader: stat.sessionPid === pid ? own : (leader ?? above?.process.sessionLeader),
        executableSha256: "",
      },
      this.#host.container(pid),
    );
  }

  /** What a process has from the one above it. */
  #under(parent: Entry | undefined): Pick<Process, "parent" | "ancestry" | "ancestryCount" | "sessionLeader"> {
    if (parent === undefined) return { parent: undefined, ancestry: [], ancestryCount: 0, sessionLeader: undefined };
    return {
      parent: parent.asParent,
      ancestry: parent.childAncestry,
      ancestryCount: parent.process.ancestryCount + 1,
      sessionLeader: parent.process.sessionLeader,
    };
  }

  #parentOf(pid: number, timeNano: bigint): Entry | undefined {
    if (pid === 0) return undefined;
    return this.#entries.get(pid) ?? this.#read(pid, 0) ?? this.#gone(pid, timeNano);
  }

  /** A parent that ended before we could look: only its pid is known. */
  #gone(pid: number, timeNano: bigint): Entry {
    const entityId = this.#entityId(pid, `parent ${timeNano}`);
    return this.#add(Process.fromPartial({ pid, entityId, provenance: "inferred" }), undefined);
  }

  #add(process: Process, container: Container | undefined): Entry {
    const { pid } = process;
    const entry = new Entry(process, container);
    this.#entries.delete(pid);
    this.#entries.set(pid, entry);
    if (this.#entries.size > this.#sweepAt) this.#forgetEnded();
    return entry;
  }

  /** All that have ended go, and of too many the oldest. Into a new table: one that ever changes is a burden for the garbage collector. */
  #forgetEnded(): void {
    const alive = new Set(this.#host.list());
    const newest = this.#entries.size - NEWEST;
    // Where nobody is listed they go by age alone.
    const kept = [...this.#entries].filter(([pid], at) => at >= newest || alive.size === 0 || alive.has(pid));
    const isMany = kept.length > PROCESSES_MAX - SWEEP_AFTER;
    this.#entries = new Map(isMany ? kept.slice(kept.length - PROCESSES_MAX * KEPT_SHARE) : kept);
    // The more there are, the more a look at all costs.
    const after = Math.max(SWEEP_AFTER, this.#entries.size >> 3);
    this.#sweepAt = Math.min(this.#entries.size + after, PROCESSES_MAX);
  }

  #entityId(pid: number, image: string): string {
    return hash("sha256", `${this.#identity} ${pid} ${image}`).slice(0, 16);
  }
}

/** The process's row for one event: what the kernel said in it goes before what we knew. */
function rowFor(entry: Entry, seen: Process): Process {
  const args = seen.args.length > 0 ? seen.args : entry.process.args;
  const title = seen.title !== "" && seen.title === titleOfArguments(args) ? "" : seen.title;
  const { last } = entry;
  const workingDirectory = seen.workingDirectory || last.workingDirectory;
  const parent = parentFor(entry, seen);
  const same =
    last.name === seen.name &&
    last.tty === seen.tty &&
    last.sessionId === seen.sessionId &&
    last.title === title &&
    last.workingDirectory === workingDirectory &&
    last.parent === parent &&
    last.args === args;
  if (same) return last;
  const { name, tty, sessionId } = seen;
  entry.last = {
    ...entry.process,
    name: name || entry.process.name,
    tty,
    sessionId,
    title,
    workingDirectory,
    parent,
    args,
    argsCount: seen.argsCount || entry.process.argsCount,
  };
  return entry.last;
}

/** A child whose parent ended has a new parent; what it was started by stays in its ancestry. */
function parentFor(entry: Entry, seen: Process): Process | undefined {
  const known = entry.last.parent;
  if (seen.parent === undefined || known?.pid === seen.parent.pid) return known;
  return seen.parent;
}
