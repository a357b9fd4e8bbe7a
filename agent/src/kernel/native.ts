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
  openReader(multicast: boolean, receiveBufferBytes: number, ringBytes: number, onReadable: () => void): ReaderHandle;
  /** Whole frames: u16 record type, u16 0, u32 length, payload, in host order; null when there are none. */
  drainReader(reader: ReaderHandle): Buffer | null;
  readerStatistics(reader: ReaderHandle): ReaderStatistics;
  stopReader(reader: ReaderHandle): void;
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
