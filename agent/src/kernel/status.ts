/** The kernel's audit settings: reading them, changing ours, giving them back. */
import { existsSync } from "node:fs";
import { type ControlHandle, errnoOf, native } from "./native.ts";

// Source: include/uapi/linux/audit.h.
const AUDIT_GET = 1000;
const AUDIT_SET = 1001;
/** Requests with paths in them: to add a rule and to delete one. */
const WITH_PATHS: ReadonlySet<number> = new Set([1011, 1012]);
const MASK = { enabled: 1, failure: 2, pid: 4, rateLimit: 8, backlogLimit: 16, backlogWaitTime: 32 } as const;
const STATUS_BYTES = 44;
const REQUEST_TIMEOUT_MS = 2000;

/** struct audit_status. Fields that an older kernel lacks are undefined. */
export interface KernelStatus {
  /** 0 off, 1 on, 2 locked until reboot. */
  enabled: number;
  failure: number;
  /** Process id of the registered audit daemon, 0 for none. */
  pid: number;
  rateLimit: number;
  backlogLimit: number;
  lost: number;
  backlog: number;
  backlogWaitTime: number | undefined;
}

/** What we may change. */
export type KernelSettings = Partial<Pick<KernelStatus, "enabled" | "backlogLimit" | "backlogWaitTime">>;

/** Source: containers/common's seccomp.json. Docker's and containerd's profiles have no such rule. */
const FORBIDDEN =
  "cannot open an audit socket (EINVAL): the container's seccomp profile forbids it; CRI-O's and Podman's own allow it with CAP_AUDIT_WRITE alone";

function openControl(): ControlHandle {
  try {
    return native().openControl();
  } catch (cause) {
    // The kernel itself has no such answer to a socket of audit's.
    if (errnoOf(cause) !== "EINVAL") throw cause;
    throw Object.assign(new Error(FORBIDDEN, { cause }), { code: "EINVAL" });
  }
}

/** The control socket to the kernel's audit. */
export class KernelAudit {
  readonly #control: ControlHandle;
  readonly #root: string;

  /** `root` is where the host's root is seen from here, which paths of rules are of; empty for our own. */
  constructor(root = "") {
    this.#root = root;
    this.#control = openControl();
  }

  /** Sends a request; throws an Error whose code is the kernel's errno. */
  request(type: number, payload: Buffer = Buffer.alloc(0), dump = false): Buffer[] {
    const root = WITH_PATHS.has(type) ? this.#root : "";
    return native().request(this.#control, type, payload, dump, REQUEST_TIMEOUT_MS, root);
  }

  status(): KernelStatus {
    const [reply] = this.request(AUDIT_GET);
    if (reply === undefined || reply.length < 32) throw new Error("the kernel's audit status is too short");
    // 32 bytes on the oldest kernels, 44 and more on newer ones.
    const word = (index: number): number => reply.readUInt32LE(index * 4);
    return {
      enabled: word(1),
      failure: word(2),
      pid: word(3),
      rateLimit: word(4),
      backlogLimit: word(5),
      lost: word(6),
      backlog: word(7),
      backlogWaitTime: reply.length >= 40 ? word(9) : undefined,
    };
  }

  set(settings: KernelSettings): void {
    const status = Buffer.alloc(STATUS_BYTES);
    let mask = 0;
    const put = (bit: number, index: number, value: number | undefined): void => {
      if (value === undefined) return;
      mask |= bit;
      status.writeUInt32LE(value, index * 4);
    };
    put(MASK.enabled, 1, settings.enabled);
    put(MASK.backlogLimit, 5, settings.backlogLimit);
    put(MASK.backlogWaitTime, 9, settings.backlogWaitTime);
    if (mask === 0) return;
    status.writeUInt32LE(mask, 0);
    this.request(AUDIT_SET, status);
  }
}

/** Why this process cannot be this kernel's audit daemon, or undefined where it can. */
export function whyNoAudit(): string | undefined {
  if (process.getuid?.() !== 0) return "kernel audit needs root";
  try {
    const { enabled, pid } = new KernelAudit().status();
    if (enabled === 2) return "kernel audit is locked until reboot";
    // The kernel finds out that a daemon is gone when it has something for it.
    const isThere = pid !== 0 && existsSync(`/proc/${pid}`);
    return isThere ? `another audit daemon is registered (pid ${pid})` : undefined;
  } catch (error) {
    return `no kernel audit: ${error instanceof Error ? error.message : String(error)}`;
  }
}
