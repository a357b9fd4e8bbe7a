/**
 * Test hosts: real systemd and sshd, each with an address of its own on a bridge, in containers or in virtual machines. Only inside of
 * isolate.sh: network, mounts and processes end with it.
 */
import { type ChildProcess, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { container } from "./container.ts";
import { BRIDGE, dress, type Kind, type Place, run, type TestHost } from "./kind.ts";

/** Address of the machine that deploys, on the bridge. */
export const CONTROLLER = "10.77.0.1";
/** Its name on the hosts. */
export const CONTROLLER_NAME = "controller.test";
/** An emulated machine beside other work takes more than a minute. */
const BOOT_TIMEOUT_MS = 600_000;
const COMMAND_TIMEOUT_MS = 600_000;

export interface Result {
  status: number | null;
  stdout: string;
  stderr: string;
}

interface Booted extends TestHost {
  process: ChildProcess | undefined;
  bootId: string;
}

export interface BootOptions {
  kind?: Kind;
  /** Folders that they see at the same path. */
  shared?: readonly string[];
}

export class TestHosts {
  readonly directory: string;
  readonly keyFile: string;
  readonly hosts: readonly TestHost[];
  readonly #hosts: Booted[];
  readonly #kind: Kind;
  readonly #place: Place;
  #stopping = false;

  private constructor(directory: string, hosts: Booted[], { kind = container, shared = [] }: BootOptions) {
    this.directory = directory;
    this.keyFile = join(directory, "id_ed25519");
    this.#hosts = hosts;
    this.hosts = hosts;
    this.#kind = kind;
    this.#place = { directory, shared };
  }

  /** Boots hosts and waits until each takes commands. */
  static async boot(names: readonly string[], options: BootOptions = {}): Promise<TestHosts> {
    const directory = mkdtempSync(join(tmpdir(), "hosttrail-hosts-"));
    run("ip", ["link", "add", BRIDGE, "type", "bridge"]);
    run("ip", ["addr", "add", `${CONTROLLER}/24`, "dev", BRIDGE]);
    run("ip", ["link", "set", BRIDGE, "up"]);
    const hosts = names.map((name, index) => {
      return { name, address: `10.77.0.${11 + index}`, process: undefined, bootId: "" };
    });
    const booted = new TestHosts(directory, hosts, options);
    run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", booted.keyFile]);
    const looks = { names: booted.#names, publicKey: readFileSync(`${booted.keyFile}.pub`, "utf8") };
    for (const host of hosts) booted.#kind.prepare(host, booted.#place, (root) => dress(root, host, looks));
    // Seen in here alone, as all mounts.
    const known = join(directory, "hosts");
    writeFileSync(known, booted.#names);
    run("mount", ["--bind", known, "/etc/hosts"]);
    for (const host of hosts) booted.#start(host);
    await Promise.all(hosts.map((host) => booted.#ready(host)));
    return booted;
  }

  /** /etc/hosts of all. */
  get #names(): string {
    const others = this.#hosts.map(({ address, name }) => `${address} ${name}.test ${name}\n`).join("");
    return `127.0.0.1 localhost\n${CONTROLLER} ${CONTROLLER_NAME}\n${others}`;
  }

  #start(host: Booted): void {
    const log = openSync(join(this.directory, `${host.name}.log`), "a");
    const child = this.#kind.start(host, this.#place, log);
    closeSync(log);
    host.process = child;
    child.once("exit", (code) => {
      host.process = undefined;
      if (code === this.#kind.rebootStatus && !this.#stopping) this.#start(host);
    });
  }

  /** Waits until a host has booted, and not as it was before. */
  async #ready(host: Booted): Promise<void> {
    for (const end = performance.now() + BOOT_TIMEOUT_MS; performance.now() < end; await sleep(200)) {
      const command = "cat /proc/sys/kernel/random/boot_id; systemctl is-system-running --wait";
      const [bootId = "", state = ""] = this.ssh(host.name, command, 30_000).stdout.split("\n");
      if (bootId === "" || bootId === host.bootId || !/running|degraded/.test(state)) continue;
      host.bootId = bootId;
      return;
    }
    const log = readFileSync(join(this.directory, `${host.name}.log`), "utf8").slice(-2000);
    throw new Error(`${host.name} did not boot within ${BOOT_TIMEOUT_MS / 1000} s:\n${log}`);
  }

  #find(name: string): Booted {
    const host = this.#hosts.find((each) => each.name === name);
    if (host === undefined) throw new Error(`there is no host "${name}"`);
    return host;
  }

  /** The hosts of these names; all where none are said. */
  some(names?: readonly string[]): readonly TestHost[] {
    return names === undefined ? this.hosts : names.map((name) => this.#find(name));
  }

  /** Options of ssh for these hosts, whose keys nobody knows. */
  get sshOptions(): readonly string[] {
    return (
      ["-F", "none", "-i", this.keyFile]
        .concat(
          ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"].flatMap((each) => [
            "-o",
            each,
          ]),
        )
        .concat(["-o", "ConnectTimeout=5"])
        // One connection for all commands.
        .concat(
          ["ControlMaster=auto", "ControlPersist=60", `ControlPath=${join(this.directory, "%h")}`].flatMap((each) => [
            "-o",
            each,
          ]),
        )
    );
  }

  /** Runs a command as root on a host. */
  ssh(name: string, command: string, timeoutMs: number = COMMAND_TIMEOUT_MS): Result {
    const words = [...this.sshOptions, `root@${this.#find(name).address}`, command];
    const { status, stdout, stderr } = spawnSync("ssh", words, {
      encoding: "utf8",
      timeout: timeoutMs,
      maxBuffer: 64 * 1024 * 1024,
    });
    return { status, stdout, stderr };
  }

  /** As ssh; throws where the command fails. */
  sure(name: string, command: string): string {
    const { status, stdout, stderr } = this.ssh(name, command);
    if (status !== 0) throw new Error(`${name}: ${command}\nended with ${status}: ${stderr}${stdout}`);
    return stdout;
  }

  /** Copies a file or a folder onto a host. */
  put(name: string, source: string, target: string): void {
    const { address } = this.#find(name);
    run("scp", ["-q", "-r", "-p", ...this.sshOptions, source, `root@${address}:${target}`]);
  }

  async reboot(name: string): Promise<void> {
    const host = this.#find(name);
    this.ssh(name, "systemctl reboot", 10_000);
    spawnSync("ssh", [...this.sshOptions, "-O", "exit", `root@${host.address}`], { stdio: "ignore" });
    await this.#ready(host);
  }

  /**
   * What is on a host's disk: path to kind, mode, owner and SHA-256, of everything below these folders. Read on the host, so that owners
   * are its own; by openssl, which takes a third of the time of sha256sum there.
   */
  files(name: string, folders: readonly string[], exclude: readonly RegExp[] = []): Map<string, string> {
    const script = `find ${folders.join(" ")} -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp \\) -prune -o -printf '%p\\t%y %m %U:%G %l\\n' 2>/dev/null; echo; find ${folders.join(" ")} -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp \\) -prune -o -type f -print0 | xargs -0 -r openssl dgst -sha256 -r 2>/dev/null`;
    const [facts = "", sums = ""] = this.sure(name, script).split("\n\n");
    const hashes = new Map(sums.split("\n").map((line) => [line.slice(66), line.slice(0, 64)]));
    const found = new Map<string, string>();
    for (const line of facts.split("\n")) {
      const [path = "", fact = ""] = line.split("\t");
      if (path === "" || exclude.some((pattern) => pattern.test(path))) continue;
      found.set(path, `${fact}${hashes.get(path) ?? ""}`);
    }
    return found;
  }

  /** Shuts all hosts down. Safe twice. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const ended = this.#hosts.map(async (host) => {
      const child = host.process;
      if (child === undefined) return;
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
      await exited;
      clearTimeout(timer);
    });
    await Promise.all(ended);
    for (const host of this.#hosts) this.#kind.release(host, this.#place);
    spawnSync("ip", ["link", "delete", BRIDGE]);
    spawnSync("umount", ["/etc/hosts"]);
    if (process.env["HOSTTRAIL_E2E_KEEP"] === undefined) rmSync(this.directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Waits for the end of a program; its output in full. */
export async function finished(child: ChildProcess): Promise<Result> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { status, stdout, stderr };
}

export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
