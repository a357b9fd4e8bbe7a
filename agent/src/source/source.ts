/** What every source is. */
import type { RawRecord } from "../model/index.ts";

export type TakeRecord = (record: RawRecord) => void;

export interface SourceCounters {
  records: number;
  overruns: number;
  foreign: number;
  ringWaits: number;
  receiveBufferBytes: number;
  /** Records without a stamp that can be read; counted, since nothing can be said of them. */
  parseFailures: number;
}

export interface Source {
  /** "netlink-unicast", "netlink-multicast" or "file". */
  name: string;
  /** True where each event of a system call ends with an EOE record. */
  endOfEventExpected: boolean;
  counters(): SourceCounters;
  /** Stops reading; what was read before is handed on first. Safe twice. */
  close(): Promise<void>;
  /** Settles when the source has come to its end: a file does, the kernel does not. */
  finished: Promise<void>;
}
