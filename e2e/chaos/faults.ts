/** What is done to the parts of a run, chosen by a seed. Each ends by itself, and leaves its part running. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "./random.ts";
import type { Part, World } from "./world.ts";

type FaultKind = "kill" | "stop" | "cut" | "fill";
const KINDS: readonly FaultKind[] = ["kill", "kill", "kill", "stop", "stop", "cut", "cut", "fill"];
/** Faults that are there at once. */
const AT_ONCE_MAX = 5;
const AWAY_MS = [100, 2000] as const;
const STOPPED_MS = [300, 6000] as const;
const CUT_MS = [300, 6000] as const;
const FULL_MS = [1000, 5000] as const;

export interface Fault {
  atMs: number;
  kind: FaultKind;
  part: string;
  forMs: number;
}

export class Faults {
  readonly done: Fault[] = [];
  /** Collectors that had ended by themselves, with what they said last. */
  readonly died: string[] = [];
  readonly #world: World;
  readonly #random: Random;
  readonly #beganMs = Date.now();
  /** Parts, and machines, to which something is being done. */
  readonly #busy = new Set<string>();
  readonly #running = new Set<Promise<void>>();

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** One fault after another, some at once, until so many are done. */
  async run(count: number, intervalMs: number): Promise<void> {
    for (let at = 0; at < count; at++) {
      await sleep(this.#random.between(0.2, 1.8) * intervalMs);
      while (this.#running.size >= AT_ONCE_MAX) await Promise.race(this.#running);
      this.#begin();
    }
    await Promise.all(this.#running);
    // And what has ended so and was not killed again.
    for (const { kind, child } of this.#world.parts)
      if ((kind === "nats" || kind === "database") && !child.running) child.start();
  }

  #begin(): void {
    const kind = this.#random.of(KINDS);
    const parts = this.#world.parts.filter(
      ({ name, machine, disk }) =>
        !this.#busy.has(name) && !this.#busy.has(machine) && (kind !== "fill" || disk !== undefined),
    );
    const part = this.#random.of(parts);
    const [least, most] = { kill: AWAY_MS, stop: STOPPED_MS, cut: CUT_MS, fill: FULL_MS }[kind];
    const fault = {
      atMs: Date.now() - this.#beganMs,
      kind,
      part: kind === "cut" ? part.machine : part.name,
      forMs: Math.round(this.#random.between(least, most)),
    };
    this.done.push(fault);
    this.#busy.add(fault.part);
    const running = this.#do(fault, part).finally(() => {
      this.#busy.delete(fault.part);
      this.#running.delete(running);
    });
    this.#running.add(running);
  }

  async #do({ kind, forMs }: Fault, part: Part): Promise<void> {
    const { machine, child, disk } = part;
    if (kind === "cut") {
      this.#world.network.cut(machine);
      await sleep(forMs);
      this.#world.network.heal(machine);
    } else if (kind === "stop") {
      const { pid } = child;
      if (pid !== undefined) process.kill(pid, "SIGSTOP");
      await sleep(forMs);
      if (pid !== undefined && child.pid === pid) process.kill(pid, "SIGCONT");
    } else if (kind === "kill") {
      await this.#restart(part, forMs);
    } else {
      disk?.fill();
      await sleep(forMs);
      disk?.release();
      // A server whose stream met an error of its disk keeps it frozen until it is started again.
      if (part.kind === "nats") await this.#restart(part, 0);
    }
  }

  async #restart({ name, kind, child }: Part, awayMs: number): Promise<void> {
    if (!child.running) {
      // Hosts end when they have done their work.
      if (kind === "hosts") return;
      // A server that does not start on a full disk is started again, as a service manager would.
      if (kind === "collector") this.died.push(`${name}: ${child.logTail(3)}`);
    } else await child.kill("SIGKILL");
    await sleep(awayMs);
    child.start();
  }
}
