/** The native addon, typed. See agent/native/audit.cc. */
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
   * Copies whole frames into the buffer (64 KiB or more) and returns their bytes, 0 for none. A frame is u16 record type,
   * u16 0, u32 length, payload, in host order.
   */
  drainReader(reader: ReaderHandle, frames: Buffer): number;
  /** Where in the ring the next drain begins. */
  readerPosition(reader: ReaderHandle): number;
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
  /** Payloads of the replies. Throws an Error whose code is the kernel's errno. */
  request(control: ControlHandle, type: number, payload: Buffer, dump: boolean, timeoutMs: number): Buffer[];
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
