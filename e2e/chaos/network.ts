/** A network of namespaces: a bridge in one, and a machine in each of the others, whose link can be cut. This process is on the bridge, too. */
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";

/** Others may be making networks, too, and ip waits for them. */
const TIMEOUT_MS = 60_000;

function ip(...words: string[]): void {
  execFileSync("ip", words, { stdio: ["ignore", "ignore", "pipe"], timeout: TIMEOUT_MS });
}

export interface Machine {
  name: string;
  address: string;
  /** Words before a command that is to run there. */
  prefix: readonly string[];
}

export class Network implements Disposable {
  readonly machines: ReadonlyMap<string, Machine>;
  readonly #tag = randomBytes(2).toString("hex");
  readonly #made: string[] = [];

  constructor(names: readonly string[]) {
    const net = `10.${randomInt(64, 128)}.${randomInt(1, 250)}`;
    const machines = new Map<string, Machine>();
    this.machines = machines;
    const hub = this.#namespace("hub");
    try {
      ip("-n", hub, "link", "add", "bridge", "type", "bridge");
      ip("-n", hub, "link", "set", "bridge", "up");
      // Ours goes when the hub does.
      ip("link", "add", `htc${this.#tag}`, "type", "veth", "peer", "name", "outside", "netns", hub);
      ip("-n", hub, "link", "set", "outside", "master", "bridge", "up");
      ip("address", "add", `${net}.254/24`, "dev", `htc${this.#tag}`);
      ip("link", "set", `htc${this.#tag}`, "up");
      for (const [at, name] of names.entries()) {
        const namespace = this.#namespace(name);
        const address = `${net}.${at + 1}`;
        ip("-n", hub, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", namespace);
        ip("-n", hub, "link", "set", name, "master", "bridge", "up");
        ip("-n", namespace, "address", "add", `${address}/24`, "dev", "eth0");
        ip("-n", namespace, "link", "set", "eth0", "up");
        ip("-n", namespace, "link", "set", "lo", "up");
        machines.set(name, { name, address, prefix: ["ip", "netns", "exec", namespace] });
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  machine(name: string): Machine {
    const machine = this.machines.get(name);
    if (machine === undefined) throw new Error(`no machine ${name}`);
    return machine;
  }

  /** Nothing comes to the machine and nothing leaves it. */
  cut(name: string): void {
    ip("-n", `htc-${this.#tag}-hub`, "link", "set", name, "down");
  }

  heal(name: string): void {
    ip("-n", `htc-${this.#tag}-hub`, "link", "set", name, "up");
  }

  [Symbol.dispose](): void {
    for (const namespace of this.#made.splice(0))
      spawnSync("ip", ["netns", "delete", namespace], { timeout: TIMEOUT_MS });
    spawnSync("ip", ["link", "delete", `htc${this.#tag}`], { timeout: TIMEOUT_MS });
  }

  #namespace(name: string): string {
    const namespace = `htc-${this.#tag}-${name}`;
    ip("netns", "add", namespace);
    this.#made.push(namespace);
    return namespace;
  }
}

/** Why there can be no such network here; undefined where there can. */
export function whyNoNetwork(): string | undefined {
  const { status, error } = spawnSync("ip", ["-V"]);
  if (error !== undefined || status !== 0) return "there is no ip (iproute2)";
  const name = `htc-try-${randomBytes(3).toString("hex")}`;
  const tried = spawnSync("ip", ["netns", "add", name], { encoding: "utf8", timeout: TIMEOUT_MS });
  if (tried.status !== 0) return `no network namespace can be made: ${tried.stderr.trim() || String(tried.error)}`;
  spawnSync("ip", ["netns", "delete", name], { timeout: TIMEOUT_MS });
  return undefined;
}
