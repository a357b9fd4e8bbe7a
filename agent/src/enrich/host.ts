/** The host itself: the same object for all events until something about it changes. */
import { readdirSync, readFileSync } from "node:fs";
import { arch, hostname, networkInterfaces, release } from "node:os";
import { join } from "node:path";
import { insideRoot } from "@hosttrail/lib/files";
import type { Host, Label } from "@hosttrail/proto/event";

const REFRESH_INTERVAL_MS = 60_000;
const ADDRESSES_MAX = 16;
/** Architectures as `uname -m` names them. */
const MACHINE: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };

/** The id that the kernel gave this boot. */
export function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}

/** Why the host's root cannot be seen from here; undefined where it can. Empty is our own. */
export function whyNoHostRoot(root: string): string | undefined {
  try {
    if (root !== "") readdirSync(join(root, "/etc"));
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `host_root is "${root}", by which the host's files cannot be seen (${reason}): a container needs the host's pid namespace and CAP_SYS_PTRACE for /proc/1/root, and no profile of AppArmor or SELinux that forbids it`;
  }
}

export class HostFacts {
  readonly #id: string;
  readonly #bootId: string;
  /** As the configuration has them. */
  readonly #given: Readonly<Record<string, string>>;
  #labels: Label[];
  readonly #root: string;
  #host: Host;
  #readMs = Number.NEGATIVE_INFINITY;

  /** `root` is where the host's root is seen from here, empty for our own. */
  constructor(id: string, bootId: string, labels: Readonly<Record<string, string>>, root: string) {
    this.#root = root;
    this.#id = id;
    this.#bootId = bootId;
    this.#given = labels;
    this.#labels = asLabels(labels);
    this.#host = this.#read();
  }

  /** The host as it is now; looked at again every minute. */
  current(nowMs: number): Host {
    if (nowMs - this.#readMs < REFRESH_INTERVAL_MS) return this.#host;
    this.#readMs = nowMs;
    const host = this.#read();
    if (JSON.stringify(host) !== JSON.stringify(this.#host)) this.#host = host;
    return this.#host;
  }

  /** Labels from elsewhere, in place of those of the last time; the configuration's go before them. */
  label(others: Readonly<Record<string, string>>): void {
    const labels = asLabels({ ...others, ...this.#given });
    if (JSON.stringify(labels) === JSON.stringify(this.#labels)) return;
    this.#labels = labels;
    this.#host = { ...this.#host, labels };
  }

  #read(): Host {
    const os = readRelease(insideRoot(this.#root, "/etc/os-release"));
    return {
      id: this.#id,
      name: hostname(),
      bootId: this.#bootId,
      architecture: MACHINE[arch()] ?? arch(),
      osName: os.get("NAME") ?? "",
      osVersion: os.get("VERSION_ID") ?? "",
      kernel: release(),
      ip: addresses(),
      labels: this.#labels,
      machineId: readMachineId(insideRoot(this.#root, "/etc/machine-id")),
    };
  }
}

function asLabels(labels: Readonly<Record<string, string>>): Label[] {
  return Object.entries(labels).map(([key, value]) => ({ key, value }));
}

function readMachineId(path: string): string {
  try {
    return readFileSync(path, "latin1").trim().slice(0, 64);
  } catch {
    return "";
  }
}

function readRelease(path: string): Map<string, string> {
  try {
    const lines = readFileSync(path, "utf8").matchAll(/^(\w+)=(?:"(.*)"|(.*))$/gm);
    return new Map(Array.from(lines, (match) => [match[1] ?? "", match[2] ?? match[3] ?? ""]));
  } catch {
    return new Map();
  }
}

function addresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((address) => !address.internal)
    .map((address) => address.address)
    .slice(0, ADDRESSES_MAX);
}
