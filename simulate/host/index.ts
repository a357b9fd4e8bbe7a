/** A machine with an agent: its disk, its kernel, and the agent's lives, one after the other. */
import { createHash } from "node:crypto";
import { loadAgentConfig } from "@hosttrail/agent/config";
import { type RunningAgent, startAgent } from "@hosttrail/agent/pipeline";
import { Disk, type Inode } from "../disk/index.ts";
import type { Network } from "../network/index.ts";
import type { Plan } from "../plan.ts";
import { type Machine, type Random, type Schedule, SimulatedProcess, START_MS } from "../schedule/index.ts";
import { type Answer, controlOf, forgetControl } from "./control.ts";
import { blocksOf, type SpooledBlock } from "./blocks.ts";
import type { HostKeys } from "./keys.ts";
import { isKilled, traceLogger } from "./logger.ts";
import { KernelRing, nameOfEvent } from "./ring.ts";
import { eventRecords, LOW_KEY } from "./work.ts";

export { nameOfEvent } from "./ring.ts";
export { type HostKeys, makeKeys } from "./keys.ts";
export { presentKeys } from "./identity.ts";
export { presentRings } from "./source.ts";
export { isKilled, traceLogger } from "./logger.ts";

const CONFIG = "/etc/hosttrail-agent/agent.yaml";
export const SPOOL = "/var/lib/hosttrail-agent/spool";
/** As systemd's RestartSec of the agent's unit. */
const RESTART_MS = 5000;
/** Lives of one agent, at most: a machine that only restarts does nothing else. */
const LIVES_MAX = 200;

export interface HostWorld {
  schedule: Schedule;
  network: Network;
  plan: Plan;
  /** Addresses of the collectors. */
  collectors: readonly string[];
}

export class SimulatedHost implements Machine {
  readonly name: string;
  readonly keys: HostKeys;
  readonly disk: Disk;
  readonly ring: KernelRing = new KernelRing();
  clockOffsetMs = 0;
  readonly #world: HostWorld;
  readonly #random: Random;
  #process: SimulatedProcess | undefined;
  #running: RunningAgent | undefined;
  #serial = 0;
  lives = 0;
  #boots = 0;
  /** Where it runs now, by its own clock; the disk asks outside of any process, too. */
  readonly #wallMs = (): number => START_MS + Math.floor(this.#world.schedule.nowMs + this.clockOffsetMs);
  /** Bits that were flipped in its spool. */
  flips = 0;
  /** Events that the kernel gave, by name; all of them must be found again. */
  readonly given: Map<string, number> = new Map();
  /** Those that may be missing, and why. */
  readonly excused: Map<string, string> = new Map();
  /** Numbers that may be missing in the trail, as `<epoch> <seq>`. */
  readonly chainExcused: Set<string> = new Set();

  constructor(name: string, keys: HostKeys, random: Random, world: HostWorld) {
    this.name = name;
    this.keys = keys;
    this.#random = random.stream(name);
    this.#world = world;
    this.disk = new Disk(random.stream(`${name} disk`), this.#wallMs);
    const { sync, segmentBytes, spoolBytes, lingerMs } = world.plan;
    const config = {
      host_id: keys.hostId,
      collector: { endpoints: world.collectors, ca_file: "/ca", certificate_file: "/certificate", key_file: "/key" },
      source: { mode: "none" },
      audit: { rules_directory: "", priorities: { low: [LOW_KEY] } },
      enrich: { cloud: "none" },
      block: { linger_ms: lingerMs },
      spool: { sync, segment_bytes: segmentBytes, bytes_max: spoolBytes },
      budget: { memory_bytes: 0 },
      page_out_interval_ms: 0,
    };
    this.disk.place(CONFIG, JSON.stringify(config));
    this.#boot();
  }

  get process(): SimulatedProcess | undefined {
    return this.#process?.isAlive === true ? this.#process : undefined;
  }

  get isStalled(): boolean {
    return (this.#process?.stalledUntilMs ?? 0) > this.#world.schedule.nowMs;
  }

  #boot(): void {
    this.#boots++;
    this.#serial = 0;
    const hex = createHash("sha256").update(`${this.name} ${this.#boots}`).digest("hex").slice(0, 32);
    const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
    this.disk.place("/proc/sys/kernel/random/boot_id", `${id}\n`);
    this.disk.place("/proc/stat", `btime ${Math.floor(this.#wallMs() / 1000)}\n`);
  }

  /** Starts the agent, and again a while after it ends. */
  async start(): Promise<void> {
    if (this.process !== undefined || this.lives >= LIVES_MAX) return;
    const { schedule } = this.#world;
    const process = new SimulatedProcess(`agent ${this.name}`, this);
    this.#process = process;
    this.#running = undefined;
    this.lives++;
    const logger = traceLogger(
      schedule,
      process.name,
      () => process.isAlive,
      (_level, about, text) => {
        // Told before its file goes.
        if (text === "spool: evicted") this.#excuse(this.#blocksIn(String(about["path"])), "evicted");
      },
    );
    await schedule.run(process, () => {
      try {
        this.#running = startAgent(loadAgentConfig(CONFIG), logger);
      } catch (error) {
        if (isKilled(error) || !process.isAlive) return;
        // As its main program: it says why, and the service manager tries again.
        schedule.note(process.name, `cannot start: ${String(error)}`);
        this.kill();
      }
    });
  }

  #startLater(delayMs: number): void {
    this.#world.schedule.after(delayMs, undefined, "", () => void this.start());
  }

  /** SIGKILL. */
  kill(): void {
    const process = this.#process;
    if (process?.isAlive !== true) return;
    this.#world.schedule.note(process.name, "is killed");
    process.end();
    this.disk.closeAll();
    forgetControl(this);
    this.#world.network.loseProcess(process);
    this.#startLater(RESTART_MS);
  }

  /** The machine is off, and on again a while later, with its agent. */
  losePower(): void {
    const { schedule, network } = this.#world;
    schedule.note(this.name, "loses its power");
    this.#process?.end();
    forgetControl(this);
    network.loseMachine(this);
    for (const event of this.ring.losePower()) this.excused.set(event, "in the kernel when the power went");
    const before = this.#blocksInSpool();
    this.disk.losePower();
    if (this.#world.plan.sync === "second") {
      const after = new Set(this.#blocksInSpool().map(({ key }) => key));
      this.#excuse(
        before.filter(({ key }) => !after.has(key)),
        "not on the disk when the power went",
      );
    }
    this.#boot();
    this.#startLater(this.#random.between(2000, 60_000));
  }

  /** SIGTERM, and the next life: an update. */
  async restart(): Promise<void> {
    const process = this.#process;
    const running = this.#running;
    if (process?.isAlive !== true || running === undefined) return;
    await this.#world.schedule.run(process, () => {
      void running.stop("updated").then(() => {
        process.end();
        this.disk.closeAll();
        this.#startLater(100);
      });
    });
  }

  /** Ends it at one of its next calls to the system. */
  endAtCall(how: "kill" | "power"): void {
    this.process?.endAtCall(this.#random.whole(1, 120), () => (how === "kill" ? this.kill() : this.losePower()));
  }

  #blocksInSpool(): SpooledBlock[] {
    return this.disk.filesIn(SPOOL).flatMap((path) => this.#blocksIn(path));
  }

  #blocksIn(path: string): SpooledBlock[] {
    const inode = this.disk.inode(path);
    return inode === undefined ? [] : blocksOf(inode.content);
  }

  #excuse(blocks: readonly SpooledBlock[], why: string): void {
    for (const { numbers, events } of blocks) {
      for (const number of numbers) this.chainExcused.add(number);
      for (const event of events) this.excused.set(event, why);
    }
  }

  /** A bit of a segment is about to be another one. */
  noteFlip(inode: Inode, position: number): void {
    const hit = blocksOf(inode.content).filter(({ from, to }) => from <= position && position < to);
    this.#excuse(hit, "in a block of which a bit was flipped");
    this.flips++;
  }

  /** What a person asks by `hosttrail-agent status`; undefined where no agent runs. */
  async ask(question: Parameters<Answer>[0]): Promise<Record<string, unknown> | undefined> {
    const door = controlOf(this);
    const process = this.process;
    if (door === undefined || process === undefined) return undefined;
    let answer: unknown;
    await this.#world.schedule.run(process, () => {
      answer = door(question);
    });
    return answer as Record<string, unknown>;
  }

  /** Something happens on the machine. */
  give(events: number, lowShare: number): void {
    const records = Array.from({ length: events }, () => {
      const isLow = this.#random.chance(lowShare);
      let timeMs = this.#wallMs();
      const serial = ++this.#serial;
      // A clock that was set back gives no two events one name.
      while (this.given.has(nameOfEvent({ timeMs, serial }))) timeMs++;
      this.given.set(nameOfEvent({ timeMs, serial }), this.#world.schedule.nowMs);
      return eventRecords(this.#random, timeMs, serial, isLow);
    });
    const [first = [], second = []] = records;
    // Records of two events that happen at once come between each other.
    if (records.length > 1 && this.#random.chance(0.3)) records.splice(0, 2, interleaved(this.#random, first, second));
    for (const some of records) this.ring.give(some);
  }
}

function interleaved<Item>(random: Random, one: Item[], other: Item[]): Item[] {
  const mixed: Item[] = [];
  const [left, right] = [[...one], [...other]];
  while (left.length > 0 || right.length > 0) {
    const from = right.length === 0 || (left.length > 0 && random.chance(0.5)) ? left : right;
    mixed.push(...from.splice(0, 1));
  }
  return mixed;
}
