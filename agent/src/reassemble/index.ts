/**
 * Records to events. Records of different events interleave; an event is known by node, seconds, milliseconds
 * and serial. It ends with its EOE record; where none comes, its deadline decides, on arrival time, since an
 * event's own time is that of the system call's entry and says nothing about its last record.
 */
import type { RawRecord, RecordGroup } from "../model/index.ts";

/** Record type that ends an event on netlink (AUDIT_EOE). */
const END_OF_EVENT = 1320;
/** The record that only events with an EOE have. */
const SYSCALL = 1300;
/** Kernel records stand from here to the next; only they can belong to an event of several records. */
const KERNEL_FIRST = 1300;
const KERNEL_LAST = 1999;

export interface ReassembleOptions {
  /** Milliseconds after its last record at which an event without end is given up waiting for. */
  timeoutMs: number;
  /** False for logs, which have no EOE: there the deadline ends every event and none is partial. */
  endOfEventExpected: boolean;
  /** Bytes of all records waiting, at most; then the oldest event goes on as it is. */
  bytesMax: number;
}

interface Waiting {
  group: RecordGroup;
  bytes: number;
  lastArrivalMs: number;
}

/** Groups records; hand in each with its arrival time on a monotonic clock. */
export class Reassembler {
  readonly #options: ReassembleOptions;
  readonly #emit: (group: RecordGroup) => void;
  readonly #waiting = new Map<string, Waiting>();
  #bytes = 0;

  constructor(options: ReassembleOptions, emit: (group: RecordGroup) => void) {
    this.#options = options;
    this.#emit = emit;
  }

  /** Where the oldest record that still waits begins in its source; undefined when none waits. */
  get oldestPosition(): number | undefined {
    // Events stand in the order of their first records.
    const [oldest] = this.#waiting.values();
    return oldest?.group.records[0]?.position;
  }

  /** Events that wait for more records. */
  get waiting(): number {
    return this.#waiting.size;
  }

  push(record: RawRecord, nowMs: number): void {
    const key = `${record.node} ${record.seconds}.${record.milliseconds}:${record.serial}`;
    const known = this.#waiting.get(key);
    if (record.type === END_OF_EVENT) {
      // A late EOE, whose event is gone already, ends nothing.
      if (known !== undefined) this.#finish(key, known, "");
      return;
    }
    if (known === undefined && (record.type < KERNEL_FIRST || record.type > KERNEL_LAST)) {
      // A message from user space is an event of its own: no EOE follows it.
      this.#emit(groupOf(record));
      return;
    }
    const waiting = known ?? { group: groupOf(record), bytes: 0, lastArrivalMs: nowMs };
    if (known === undefined) this.#waiting.set(key, waiting);
    else waiting.group.records.push(record);
    waiting.lastArrivalMs = nowMs;
    waiting.bytes += record.text.length;
    this.#bytes += record.text.length;
    if (this.#bytes > this.#options.bytesMax) this.#evict();
  }

  #evict(): void {
    for (const [key, waiting] of this.#waiting) {
      if (this.#bytes <= this.#options.bytesMax) return;
      this.#finish(key, waiting, "bytes");
    }
  }

  /** Gives up on events whose last record came too long ago. Call it now and then. */
  expire(nowMs: number): void {
    for (const [key, waiting] of this.#waiting) {
      if (nowMs - waiting.lastArrivalMs >= this.#options.timeoutMs)
        this.#finish(key, waiting, this.#isCut(waiting) ? "timeout" : "");
    }
  }

  /** An event without a system call (CONFIG_CHANGE, LOGIN …) may come without EOE and be whole all the same. */
  #isCut({ group }: Waiting): boolean {
    return this.#options.endOfEventExpected && group.records.some((record) => record.type === SYSCALL);
  }

  /** Emits all that waits: at the end of a file or of the agent. */
  flush(reason: "" | "end"): void {
    for (const [key, waiting] of this.#waiting) this.#finish(key, waiting, reason);
  }

  #finish(key: string, waiting: Waiting, reason: RecordGroup["partial"]): void {
    this.#waiting.delete(key);
    this.#bytes -= waiting.bytes;
    waiting.group.partial = reason;
    this.#emit(waiting.group);
  }
}

function groupOf(record: RawRecord): RecordGroup {
  const { node, seconds, milliseconds, serial } = record;
  return { node, seconds, milliseconds, serial, records: [record], partial: "" };
}
