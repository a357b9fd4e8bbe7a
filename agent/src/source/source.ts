/** What every source is. */
import type { RawRecord, Repetition } from "../model/index.ts";

/** Is given each record, and when it came: milliseconds on a monotonic clock. */
export type TakeRecord = (record: RawRecord, nowMs: number) => void;

/**
 * Is given an event of a shape that came before, instead of its records. False where it does not take it, and has done nothing: then the
 * records are handed on.
 */
export type TakeRepetition = (repetition: Repetition, nowMs: number) => boolean;

/** What could not be read. */
export interface SourceFault {
  /** Its path, or "auditd's feed". */
  file: string;
  /** Of a line, in what the file decompresses to; of a damage, in the file as it is on disk. Undefined where it is the file as a whole. */
  offset: number | undefined;
  /** The number of a line, from 1; undefined for what is no line. */
  line: number | undefined;
  /** Without a word of what was read: it may have a secret. */
  reason: string;
  /** False for what is no loss: a file that is no rotation of the log, or whose records are in another one. */
  isLoss: boolean;
}

export type TellFault = (fault: SourceFault) => void;

export interface SourceCounters {
  records: number;
  overruns: number;
  foreign: number;
  ringWaits: number;
  receiveBufferBytes: number;
  /** Records without a stamp that can be read; counted, since nothing can be said of them. */
  parseFailures: number;
  /** Files that could not be read, or not to their end. */
  unreadFiles: number;
}

/** What tells an event from all others of this boot. */
export interface SpooledEvent {
  timeMs: number;
  serial: number;
}

export interface Source {
  /** "netlink-unicast", "netlink-multicast", "auditd-plugin", "file" or "none". */
  name: string;
  /** True where each event of a system call ends with an EOE record. */
  endOfEventExpected: boolean;
  counters(): SourceCounters;
  /** Where the record after the last one that was handed on begins. */
  position(): number;
  /** Everything before `position` is spooled, and so are these later events: after a crash they need not come again. */
  commit(position: number, spooled: readonly SpooledEvent[]): void;
  /** The events of the last commit of an earlier process. */
  spooledBefore(): SpooledEvent[];
  /** What begins here or later was read by no earlier process: infinite where all is read from its beginning again. */
  readBeforeTo: number;
  /** Whether it has records that were not handed on yet, also while it is paused. */
  hasUnread(): boolean;
  /** Hands nothing on until `resume`: what comes meanwhile waits in the source. */
  pause(): void;
  resume(): void;
  /** Gives memory back. */
  shrink(): void;
  /** Stops reading; what was read before is handed on first. `release`: nobody goes on reading. Safe twice. */
  close(release: boolean): Promise<void>;
  /** Settles when the source has come to its end: a file does, the kernel does not. */
  finished: Promise<void>;
}
