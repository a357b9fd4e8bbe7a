/**
 * Who acted: processes by pid, from the execs that we see and from /proc where we did not.
 *
 * An entity id stands for one program image of one process, so it survives the reuse of pids. It is a hash over host,
 * boot, pid and what tells this image from the others: start ticks for a process from /proc, time and serial
 * of the exec event for one that we saw.
 */
import { createHash } from "node:crypto";
import { type Event, Process, type ProcessReference } from "@hosttrail/proto/event";
import { titleOfArguments } from "@hosttrail/lib/audit";
import { bootTimeMs, type ProcStat, startNano } from "./procfs.ts";

/** Processes known at once; the ones known longest are forgotten first. */
const PROCESSES_MAX = 16_384;
const ANCESTRY_MAX = 20;

interface Entry {
  process: Process;
  /** The process as others see it, as parent and as ancestor: always the same objects. */
  asParent: Process;
  reference: ProcessReference;
  /** Ancestry of its children. */
  childAncestry: ProcessReference[];
  /** The row of the last event, which most often serves the next one too. */
  last: Process;
}

export class ProcessTable {
  readonly #entries = new Map<number, Entry>();
  readonly #identity: string;
  readonly #bootMs: number;

  readonly #readProcess: (pid: number) => ProcStat | undefined;

  constructor(hostId: string, bootId: string, readProcess: (pid: number) => ProcStat | undefined) {
    this.#readProcess = readProcess;
    this.#identity = `${hostId} ${bootId}`;
    this.#bootMs = bootTimeMs();
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Gives an event's process its identity, parent and ancestry. */
  resolve(event: Event, executed: boolean): void {
    const seen = event.process;
    if (seen === undefined || seen.pid === 0) return;
    const timeNano = event.event?.timeUnixNano ?? 0n;
    const entry = executed
      ? this.#execute(seen, timeNano, event.audit?.serial ?? 0)
      : this.#find(seen, timeNano, event.audit?.serial ?? 0);
    event.process = rowFor(entry, seen);
  }

  #execute(seen: Process, timeNano: bigint, serial: number): Entry {
    const before = this.#entries.get(seen.pid);
    return this.#add({
      ...seen,
      entityId: this.#entityId(seen.pid, `exec ${timeNano} ${serial}`),
      // An exec keeps the process and so its start.
      startUnixNano: before?.process.startUnixNano ?? timeNano,
      provenance: "observed",
      ...this.#parentOf(seen.parent?.pid ?? 0, timeNano),
    });
  }

  #find(seen: Process, timeNano: bigint, serial: number): Entry {
    const known = this.#entries.get(seen.pid);
    if (known !== undefined && known.process.executable === seen.executable) return known;
    const read = this.#read(seen.pid, 0);
    if (read !== undefined && (seen.executable === "" || read.process.executable === seen.executable)) return read;
    return this.#add({
      ...seen,
      entityId: this.#entityId(seen.pid, `seen ${timeNano} ${serial}`),
      startUnixNano: 0n,
      provenance: "inferred",
      ...this.#parentOf(seen.parent?.pid ?? 0, timeNano),
    });
  }

  /** Reads a process, and those above it that are not known yet, from /proc. */
  #read(pid: number, depth: number): Entry | undefined {
    const stat = this.#readProcess(pid);
    if (stat === undefined) return undefined;
    const { parentPid } = stat;
    const above =
      parentPid === 0 || depth >= ANCESTRY_MAX
        ? undefined
        : (this.#entries.get(parentPid) ?? this.#read(parentPid, depth + 1));
    return this.#add({
      entityId: this.#entityId(pid, `start ${stat.startTicks}`),
      pid,
      name: stat.name,
      executable: stat.executable,
      args: stat.args,
      workingDirectory: stat.workingDirectory,
      title: "",
      startUnixNano: startNano(this.#bootMs, stat.startTicks),
      tty: "",
      provenance: "procfs",
      parent: above?.asParent,
      ancestry: above?.childAncestry ?? [],
      sessionId: 0,
      argsCount: stat.args.length,
      sessionLeader: undefined,
      executableSha256: "",
      ancestryCount: 0,
    });
  }

  #parentOf(pid: number, timeNano: bigint): { parent: Process | undefined; ancestry: ProcessReference[] } {
    if (pid === 0) return { parent: undefined, ancestry: [] };
    const entry = this.#entries.get(pid) ?? this.#read(pid, 0) ?? this.#gone(pid, timeNano);
    return { parent: entry.asParent, ancestry: entry.childAncestry };
  }

  /** A parent that ended before we could look: only its pid is known. */
  #gone(pid: number, timeNano: bigint): Entry {
    const entityId = this.#entityId(pid, `parent ${timeNano}`);
    return this.#add(Process.fromPartial({ pid, entityId, provenance: "inferred" }));
  }

  #add(process: Process): Entry {
    const { entityId, pid, name, executable } = process;
    const reference = { entityId, pid, name, executable };
    const entry: Entry = {
      process,
      asParent: { ...process, title: "", parent: undefined, ancestry: [] },
      reference,
      childAncestry: [reference, ...process.ancestry].slice(0, ANCESTRY_MAX),
      last: process,
    };
    this.#entries.delete(pid);
    this.#entries.set(pid, entry);
    if (this.#entries.size > PROCESSES_MAX) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    return entry;
  }

  #entityId(pid: number, image: string): string {
    return createHash("sha256").update(`${this.#identity} ${pid} ${image}`).digest().toString("hex", 0, 8);
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
    name,
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
