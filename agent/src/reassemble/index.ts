/**
 * Records to events. Records of different events interleave; an event is known by node, seconds, milliseconds
 * and serial. How it ends:
 *
 * - by its EOE record, where the source has them (netlink, auditd's feed): that is definitive;
 * - by grace, where it has none (logs): when the log has gone on for so long without a record of it;
 * - by its deadline, on arrival time: an event's own time is that of the system call's entry, and a later serial may
 *   carry a time seconds earlier, so it says nothing about the last record;
 * - by the bound on bytes: the oldest goes on as it is, and says so.
 */
import { RECORD } from "@hosttrail/lib/audit";
import { lengthOf, type RawRecord, type RecordGroup, type Stamp } from "../model/index.ts";

export { Expiry } from "./expiry.ts";

/** Kernel records stand from here to the next; only they can belong to an event of several records. */
const KERNEL_FIRST = 1300;
const KERNEL_LAST = 1999;
/** LOGIN is the kernel's too, and comes inside of a system call's event where that is audited. */
const LOGIN = RECORD.LOGIN;
/** Ended events that are remembered, so that a record that comes after the end is known as late. A power of two. */
const ENDED_SLOTS = 1024;

export interface ReassembleOptions {
  /** Milliseconds after its last record at which an event without end is given up waiting for. */
  timeoutMs: number;
  /** False for logs, which have no EOE: there grace ends every event and none is partial. */
  endOfEventExpected: boolean;
  /** Bytes of all records waiting, at most; then the oldest event goes on as it is. */
  bytesMax: number;
}

interface Waiting {
  /** Its name among the listed events; empty while it is not listed. */
  key: string;
  group: RecordGroup;
  bytes: number;
  lastArrivalMs: number;
  /** Where the log was, in its own time, when the last record came. */
  logTimeMs: number;
}

export interface ReassembleCounters {
  /** Records that came after their event had ended; each went on as an event of its own. */
  late: number;
  /** Events that went on before their end. */
  partial: number;
}

/** Groups records; hand in each with its arrival time on a monotonic clock. */
export class Reassembler {
  readonly counters: ReassembleCounters = { late: 0, partial: 0 };
  readonly #options: ReassembleOptions;
  readonly #emit: (group: RecordGroup) => void;
  /**
   * Events that wait and are not the last one: most events are whole before a record of another comes, and are never listed. Anew
   * whenever it is empty: a Map in steady use leaves chains of tables, which the garbage collector keeps for long.
   */
  #listed = new Map<string, Waiting>();
  readonly #ended = new EndedEvents();
  /** The event of the last record, which most often is that of the next one too. It may be listed. */
  #last: Waiting | undefined;
  #bytes = 0;
  #logTimeMs = 0;

  constructor(options: ReassembleOptions, emit: (group: RecordGroup) => void) {
    this.#options = options;
    this.#emit = emit;
  }

  /** Where the oldest record that still waits begins in its source; undefined when none waits. */
  get oldestPosition(): number | undefined {
    let oldest: number | undefined;
    for (const { group } of this.#all()) {
      const position = group.records[0]?.position ?? 0;
      if (oldest === undefined || position < oldest) oldest = position;
    }
    return oldest;
  }

  /** Events that wait for more records. */
  get waiting(): number {
    return this.#listed.size + (this.#last?.key === "" ? 1 : 0);
  }

  push(record: RawRecord, nowMs: number): void {
    const known = this.#find(record);
    if (record.type === RECORD.EOE) {
      // A late or repeated EOE, whose event is gone already, ends nothing.
      if (known !== undefined) this.#finish(known, "");
      return;
    }
    if (known === undefined && !joins(record.type)) {
      // A message from user space is an event of its own: no EOE follows it.
      this.#emit(groupOf(record));
      return;
    }
    const waiting = known ?? this.#begin(record);
    if (waiting === undefined) return;
    if (known !== undefined) waiting.group.records.push(record);
    waiting.lastArrivalMs = nowMs;
    const length = lengthOf(record);
    waiting.bytes += length;
    this.#bytes += length;
    this.#follow(waiting);
    if (!this.#options.endOfEventExpected) this.#advance(waiting, record);
    if (this.#bytes > this.#options.bytesMax) this.#evict();
  }

  #find(record: Stamp): Waiting | undefined {
    const last = this.#last;
    if (last !== undefined && isSameEvent(last.group, record)) return last;
    return this.#listed.size === 0 ? undefined : this.#listed.get(keyOf(record));
  }

  /** An event that came whole at once. False, having done nothing, where a record of it came before: then each must come by `push`. */
  pass(event: Stamp): boolean {
    if (this.#find(event) !== undefined || this.#ended.has(event)) return false;
    this.#ended.add(event);
    return true;
  }

  /** Opens an event; a record that comes after its event's end goes on alone. */
  #begin(record: RawRecord): Waiting | undefined {
    if (this.#ended.has(record)) {
      this.counters.late++;
      this.counters.partial++;
      this.#emit({ ...groupOf(record), partial: "late" });
      return undefined;
    }
    return { key: "", group: groupOf(record), bytes: 0, lastArrivalMs: 0, logTimeMs: 0 };
  }

  /** Another event takes the place of the last one, which waits on in the list. */
  #follow(waiting: Waiting): void {
    const last = this.#last;
    if (last !== undefined && last !== waiting && last.key === "") {
      last.key = keyOf(last.group);
      this.#listed.set(last.key, last);
    }
    this.#last = waiting;
  }

  /** All that wait, those first of which a record came first. */
  *#all(): Generator<Waiting> {
    yield* this.#listed.values();
    if (this.#last !== undefined && this.#last.key === "") yield this.#last;
  }

  /** The log's time goes on with its records, and ends what was not heard of for long. */
  #advance(waiting: Waiting, record: RawRecord): void {
    this.#logTimeMs = Math.max(this.#logTimeMs, record.seconds * 1000 + record.milliseconds);
    waiting.logTimeMs = this.#logTimeMs;
    for (const oldest of this.#all()) {
      if (this.#logTimeMs - oldest.logTimeMs <= this.#options.timeoutMs) return;
      this.#finish(oldest, "");
    }
  }

  #evict(): void {
    for (const waiting of this.#all()) {
      if (this.#bytes <= this.#options.bytesMax) return;
      this.#finish(waiting, "bytes");
    }
  }

  /** Gives up on events whose last record came too long ago. Call it now and then. */
  expire(nowMs: number): void {
    for (const waiting of this.#all()) {
      if (nowMs - waiting.lastArrivalMs >= this.#options.timeoutMs)
        this.#finish(waiting, this.#isCut(waiting) ? "timeout" : "");
    }
  }

  /** An event without a system call (CONFIG_CHANGE, LOGIN …) may come without EOE and be whole all the same. */
  #isCut({ group }: Waiting): boolean {
    return this.#options.endOfEventExpected && group.records.some((record) => record.type === RECORD.SYSCALL);
  }

  /** Emits all that waits: at the end of a file or of the agent, or since others cannot wait for it any longer. */
  flush(reason: "" | "end" | "timeout"): void {
    for (const waiting of this.#all()) this.#finish(waiting, reason);
  }

  #finish(waiting: Waiting, reason: RecordGroup["partial"]): void {
    if (waiting.key !== "") {
      this.#listed.delete(waiting.key);
      if (this.#listed.size === 0) this.#listed = new Map();
    }
    if (this.#last === waiting) this.#last = undefined;
    this.#ended.add(waiting.group);
    this.#bytes -= waiting.bytes;
    waiting.group.partial = reason;
    if (reason !== "") this.counters.partial++;
    this.#emit(waiting.group);
  }
}

/** The newest ended event of each slot; slots are the lowest bits of serials. In typed arrays, as nothing here should be garbage. */
class EndedEvents {
  readonly #serials = new Uint32Array(ENDED_SLOTS);
  /** Milliseconds since 1970; 0 where there was none. */
  readonly #times = new Float64Array(ENDED_SLOTS);
  readonly #nodes = new Array<string>(ENDED_SLOTS).fill("");

  add({ node, seconds, milliseconds, serial }: Stamp): void {
    const slot = serial & (ENDED_SLOTS - 1);
    this.#serials[slot] = serial;
    this.#times[slot] = seconds * 1000 + milliseconds;
    this.#nodes[slot] = node;
  }

  has({ node, seconds, milliseconds, serial }: Stamp): boolean {
    const slot = serial & (ENDED_SLOTS - 1);
    const time = seconds * 1000 + milliseconds;
    return this.#serials[slot] === serial && this.#times[slot] === time && this.#nodes[slot] === node && time !== 0;
  }
}

/** True for records that may be one of several of their event. */
function joins(type: number): boolean {
  return (type >= KERNEL_FIRST && type <= KERNEL_LAST) || type === LOGIN;
}

function keyOf({ node, seconds, milliseconds, serial }: Stamp): string {
  return `${node} ${seconds}.${milliseconds}:${serial}`;
}

function isSameEvent(group: Stamp, record: Stamp): boolean {
  return (
    group.serial === record.serial &&
    group.milliseconds === record.milliseconds &&
    group.seconds === record.seconds &&
    group.node === record.node
  );
}

function groupOf(record: RawRecord): RecordGroup {
  const { node, seconds, milliseconds, serial } = record;
  return { node, seconds, milliseconds, serial, records: [record], partial: "" };
}
