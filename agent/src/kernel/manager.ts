/**
 * The service manager: systemd, or hosttrail-agent-keeper where there is none. It keeps the audit socket while the agent
 * is away, so that an update or a crash of the agent loses no event.
 * Source: sd_notify(3), sd_listen_fds(3), "File Descriptor Store" of systemd.
 */
import { closeSync } from "node:fs";
import { native, type ReaderHandle } from "./native.ts";

const FIRST_FD = 3;
const NAME = /^hosttrail-audit-(unicast|multicast)-(\d+)$/;

/** An audit socket that an earlier process left. */
export interface StoredSocket {
  fd: number;
  multicast: boolean;
  /** Process that registered it as the audit daemon's. */
  pid: number;
  /** Gives it up where it is of no use any more. */
  discard(): void;
}

/** The socket that the manager handed to this process, if any. */
export function storedSocket(): StoredSocket | undefined {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = process.env;
  if (LISTEN_PID !== String(process.pid) || LISTEN_FDS !== "1") return undefined;
  const match = NAME.exec(LISTEN_FDNAMES ?? "");
  if (match === null) return undefined;
  return {
    fd: FIRST_FD,
    multicast: match[1] === "multicast",
    pid: Number(match[2]),
    discard() {
      notifyManager("FDSTOREREMOVE=1");
      closeSync(FIRST_FD);
    },
  };
}

/** Hands a socket to the manager; false without one. */
export function storeSocket(reader: ReaderHandle, multicast: boolean): boolean {
  const name = `hosttrail-audit-${multicast ? "multicast" : "unicast"}-${process.pid}`;
  return native().notifyManager(`FDSTORE=1\nFDNAME=${name}`, reader);
}

/** Takes the socket back from the manager. */
export function unstoreSocket(multicast: boolean, pid: number): void {
  native().notifyManager(`FDSTOREREMOVE=1\nFDNAME=hosttrail-audit-${multicast ? "multicast" : "unicast"}-${pid}`);
}

/** Tells the manager that we live, where it asks for it (WatchdogSec=): twice in the time that it allows. */
export function tellManager(): NodeJS.Timeout | undefined {
  const { WATCHDOG_USEC, WATCHDOG_PID } = process.env;
  const allowedMs = Number(WATCHDOG_USEC) / 1000;
  if (!(allowedMs > 0) || (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(process.pid))) return undefined;
  return setInterval(() => notifyManager("WATCHDOG=1"), allowedMs / 2);
}

/** Tells the manager something, e.g. "READY=1"; nothing happens without one. */
export function notifyManager(text: string): void {
  if (process.env["NOTIFY_SOCKET"] !== undefined) native().notifyManager(text);
}
