/** Where records come from. `auto` asks the kernel which way is open. */
import { readlinkSync } from "node:fs";
import { errnoOf, KernelAudit, type KernelStatus, type StoredSocket, storedSocket } from "../kernel/index.ts";
import { openFiles, openPlugin } from "./file.ts";
import { openNetlink } from "./netlink.ts";
import { openNone } from "./none.ts";
import type { Source, TakeRecord, TakeRepetition, TellFault } from "./source.ts";

export { formatLogLine, parseLogLine, whyUnread } from "./line.ts";
export type {
  Source,
  SourceCounters,
  SourceFault,
  SpooledEvent,
  TakeRecord,
  TakeRepetition,
  TellFault,
} from "./source.ts";

/** Value of `enabled` that holds until the next boot (auditctl -e 2). */
const LOCKED = 2;

/** `none`: this host's kernel audit is another's, as in a container; only what the agent itself tells goes out. */
export type SourceMode = "auto" | "unicast" | "multicast" | "plugin" | "file" | "none";

export interface SourceOptions {
  mode: SourceMode;
  /** Of `file`. */
  path: string;
  receiveBufferBytes: number;
  ringBytes: number;
  /** File that holds records until they are spooled; empty for memory that ends with the process. */
  ringPath: string;
  bootId: string;
}

/**
 * Opens the source that the mode asks for. Errors say what is missing. Without `takeAgain` every event comes as its records. `tell` is given what
 * of a text could not be read.
 */
export function openSource(
  options: SourceOptions,
  take: TakeRecord,
  takeAgain?: TakeRepetition,
  tell?: TellFault,
): Source {
  if (options.mode === "file") return openFiles(options.path, take, tell);
  if (options.mode === "plugin") return openPlugin(process.stdin, take, tell);
  if (options.mode === "none") return openNone();
  const stored = usableSocket(options.mode);
  const mode =
    stored !== undefined ? kindOf(stored) : options.mode === "auto" ? chooseMode(readStatus()) : options.mode;
  if (mode === "multicast" && isInOtherNetwork())
    throw new Error(
      "cannot read kernel audit events (mode multicast): the kernel sends them to the host's network namespace alone, and this is another one; run the agent in the host's (in Kubernetes: hostNetwork)",
    );
  try {
    return openNetlink({ ...options, multicast: mode === "multicast", stored }, take, takeAgain);
  } catch (cause) {
    throw explain(mode, cause);
  }
}

function kindOf(stored: StoredSocket): "unicast" | "multicast" {
  return stored.multicast ? "multicast" : "unicast";
}

/** The socket of an earlier process, where it fits the mode and is still the audit daemon's. */
function usableSocket(mode: SourceMode): StoredSocket | undefined {
  const stored = storedSocket();
  if (stored === undefined) return undefined;
  const fits = mode === "auto" || mode === kindOf(stored);
  if (fits && (stored.multicast || readStatus().pid === stored.pid)) return stored;
  stored.discard();
  return undefined;
}

/** Beside a living audit daemon we only listen; without one we are the daemon, where we can be. */
function chooseMode(status: KernelStatus): "unicast" | "multicast" {
  // Locked until reboot, no daemon can register any more; whoever listens still hears.
  const canRegister = status.pid === 0 && status.enabled !== LOCKED && inInitialNamespaces();
  return canRegister ? "unicast" : "multicast";
}

function readStatus(): KernelStatus {
  try {
    return new KernelAudit().status();
  } catch (cause) {
    throw explain("auto", cause);
  }
}

/** Registration needs the initial pid and user namespaces, whose numbers the kernel fixes. */
function inInitialNamespaces(): boolean {
  try {
    return (
      readlinkSync("/proc/self/ns/pid") === "pid:[4026531836]" &&
      readlinkSync("/proc/self/ns/user") === "user:[4026531837]"
    );
  } catch {
    return false;
  }
}

/**
 * Whether this is not the first process's network namespace: then nothing would ever come by multicast, without an error. Only where that
 * process is the host's, and may be looked at. Source: kauditd_send_multicast_skb in kernel/audit.c.
 */
export function isInOtherNetwork(): boolean {
  if (!inInitialNamespaces()) return false;
  try {
    return readlinkSync("/proc/1/ns/net") !== readlinkSync("/proc/self/ns/net");
  } catch {
    return false;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EBUSY: "another agent runs with the same ring file",
  EEXIST: "another audit daemon is registered; use mode multicast beside it",
  EPERM: "CAP_AUDIT_CONTROL (unicast) or CAP_AUDIT_READ (multicast) is missing, or this is not the initial namespace",
  EPROTONOSUPPORT: "this kernel has no audit (CONFIG_AUDIT), or it is switched off in this container",
  ECONNREFUSED: "this kernel has no audit (CONFIG_AUDIT), or audit cannot be reached from this network namespace",
};

function explain(mode: string, cause: unknown): Error {
  const errno = errnoOf(cause);
  const reason = errno === undefined ? String(cause) : (REASONS[errno] ?? `the kernel answered ${errno}`);
  return new Error(`cannot read kernel audit events (mode ${mode}): ${reason}`, { cause });
}
