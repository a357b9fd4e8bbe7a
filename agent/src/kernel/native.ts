/** The native addon, typed. See agent/native/. */
import { createRequire } from "node:module";

/** A netlink reader with a thread of its own. */
export type ReaderHandle = { readonly reader: unique symbol };
/** A socket for requests to the kernel's audit. */
export type ControlHandle = { readonly control: unique symbol };

/** Counters since the reader was opened. */
export interface ReaderStatistics {
  records: number;
  /** ENOBUFS: times the kernel told of an overrun of the receive buffer. */
  overruns: number;
  /** Messages that did not come from the kernel, dropped. */
  foreign: number;
  /** Times the reading thread waited for JavaScript, the ring being full. */
  ringWaits: number;
  ringBytes: number;
  receiveBufferBytes: number;
  /** Port of the socket, as in /proc/net/netlink. */
  portId: number;
}

/**
 * Where the words of a record's head stand. A text is three words: its number, below TEXTS_MAX, or NO_TEXT for one that is not remembered;
 * and where its bytes are, start and length. A text of length 0 that has a number is the one that had this number before. Source:
 * agent/native/record.h and texts.h.
 */
export const RECORD_HEAD = {
  type: 0,
  serial: 1,
  seconds: 2,
  /** The lower half; the upper half is what seconds have beyond 32 bits. */
  milliseconds: 3,
  /** Bytes of the ring from the drain's begin to the record's end. */
  end: 4,
  /** 0 where the record has no stamp, and no text. */
  readable: 5,
  text: 6,
  /** Of a SYSCALL record, the end of its text, from `auid=` on. */
  actor: 9,
  /** 1 where what follows is what the text of a SYSCALL record says, which is left out then. */
  call: 12,
  arch: 13,
  number: 14,
  success: 15,
  items: 16,
  parentPid: 17,
  pid: 18,
  /** 64 bits each, the lower half first. */
  exit: 19,
  arguments: 21,
  words: 29,
} as const;
export const TEXTS_MAX = 2048;
export const NO_TEXT = 0xffffffff;

interface Addon {
  /**
   * Opens the reader. `inheritedFd` is a socket from an earlier process, -1 for none; `ringPath` is the file that holds
   * records until they are spooled, empty for memory that ends with the process.
   */
  openReader(
    multicast: boolean,
    inheritedFd: number,
    receiveBufferBytes: number,
    ringPath: string,
    bootId: string,
    ringBytes: number,
    onReadable: () => void,
  ): ReaderHandle;
  /**
   * Takes records from the ring, as many as there is room for, and returns how many. `heads` gets a RECORD_HEAD for each, `texts` (16 KiB or
   * more) the bytes of texts that did not come before.
   */
  drainReader(reader: ReaderHandle, heads: Uint32Array, texts: Buffer): number;
  /** Forgets the texts that came before: the next ones are given whole again. */
  forgetTexts(reader: ReaderHandle): void;
  /** Where in the ring the next drain begins. */
  readerPosition(reader: ReaderHandle): number;
  /** Where in the ring the next record will be laid. */
  readerEnd(reader: ReaderHandle): number;
  /** Everything before `position` is spooled, and so are these events: u64 milliseconds, u32 serial, u32 0 each. */
  commitReader(reader: ReaderHandle, position: number, spooled: Buffer): void;
  /** The events of the last commit, as they were given to it. */
  readerCommitted(reader: ReaderHandle): Buffer;
  readerStatistics(reader: ReaderHandle): ReaderStatistics;
  /** Stops reading; `release` gives the registration as audit daemon back. */
  stopReader(reader: ReaderHandle, release: boolean): void;
  /** sd_notify(3); with a reader, hands its socket to the service manager to keep. False without a manager. */
  notifyManager(text: string, reader?: ReaderHandle): boolean;
  /** Faults in mapped files map single pages from now on; returns the bytes of the mappings, 0 where the kernel (before 6.7) cannot. */
  mapSinglePages(): number;
  /** Gives the memory of mapped files back to the kernel; returns the bytes. */
  pageOut(): number;
  /** Binds all threads to these CPUs. */
  setAffinity(cpus: readonly number[]): void;
  openControl(): ControlHandle;
  /**
   * Payloads of the replies. With a `root` the kernel sees the request as coming from a process whose root that is: by it the kernel finds
   * the paths of a rule. Throws an Error whose code is the kernel's errno.
   */
  request(
    control: ControlHandle,
    type: number,
    payload: Buffer,
    dump: boolean,
    timeoutMs: number,
    root: string,
  ): Buffer[];
}

let loaded: Addon | undefined;

/** Loads the addon on first use, so that replaying a file works without it. */
export function native(): Addon {
  if (loaded === undefined) {
    const path = process.env["HOSTTRAIL_ADDON"] ?? new URL("../../native/build/audit.node", import.meta.url).pathname;
    try {
      loaded = createRequire(import.meta.url)(path) as Addon;
    } catch (cause) {
      throw new Error(`cannot load the audit addon ${path}: build it with agent/native/build.sh`, { cause });
    }
  }
  return loaded;
}

/** The kernel's errno of a failed request, e.g. "EPERM"; undefined where the error is another one. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && code.startsWith("E") ? code : undefined;
}
