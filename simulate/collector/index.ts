/** A machine with a collector that takes, stores and compacts. */
import { type CollectorConfig, loadCollectorConfig } from "@hosttrail/collector/config";
import { type RunningCollector, startCollector } from "@hosttrail/collector/pipeline";
import { Disk } from "../disk/index.ts";
import { isKilled, traceLogger } from "../host/index.ts";
import type { Network } from "../network/index.ts";
import type { Plan } from "../plan.ts";
import { type Machine, type Random, type Schedule, SimulatedProcess, START_MS } from "../schedule/index.ts";

export { setThreadsFailing, setMerge } from "./threads.ts";
export { watchAnswers } from "./serve.ts";

const CONFIG = "/etc/hosttrail-collector/collector.yaml";
const RESTART_MS = 5000;
const LIVES_MAX = 200;

export interface CollectorWorld {
  schedule: Schedule;
  network: Network;
  plan: Plan;
  authority: string;
}

export class SimulatedCollector implements Machine {
  readonly name: string;
  readonly disk: Disk;
  clockOffsetMs = 0;
  readonly #world: CollectorWorld;
  readonly #random: Random;
  #process: SimulatedProcess | undefined;
  #running: RunningCollector | undefined;
  lives = 0;

  constructor(name: string, random: Random, world: CollectorWorld) {
    this.name = name;
    this.#random = random.stream(name);
    this.#world = world;
    this.disk = new Disk(
      random.stream(`${name} disk`),
      () => START_MS + Math.floor(world.schedule.nowMs + this.clockOffsetMs),
    );
    const config = {
      roles: ["ingest", "store", "compact"],
      ingest: { listen: `${name}:4317` },
      tls: { ca_file: "/ca", certificate_file: "/ca", key_file: "/ca" },
      metrics: { listen: "" },
      compact: { blocks_min: world.plan.blocksMin },
    };
    this.disk.place("/ca", world.authority);
    this.disk.place(CONFIG, JSON.stringify(config));
  }

  get process(): SimulatedProcess | undefined {
    return this.#process?.isAlive === true ? this.#process : undefined;
  }

  async start(): Promise<void> {
    if (this.process !== undefined || this.lives >= LIVES_MAX) return;
    const { schedule } = this.#world;
    const process = new SimulatedProcess(`collector ${this.name}`, this);
    this.#process = process;
    this.#running = undefined;
    this.lives++;
    const logger = traceLogger(
      schedule,
      process.name,
      () => process.isAlive,
      () => undefined,
    );
    await schedule.run(process, () => {
      const config: CollectorConfig = loadCollectorConfig(CONFIG);
      startCollector(config, logger).then(
        (running) => {
          this.#running = running;
        },
        (error: unknown) => {
          if (isKilled(error) || !process.isAlive) return;
          schedule.note(process.name, `cannot start: ${String(error)}`);
          this.kill();
        },
      );
    });
  }

  #startLater(delayMs: number): void {
    this.#world.schedule.after(delayMs, undefined, "", () => void this.start());
  }

  /** SIGKILL; the service manager starts it again. */
  kill(): void {
    const process = this.#process;
    if (process?.isAlive !== true) return;
    this.#world.schedule.note(process.name, "is killed");
    process.end();
    this.#world.network.loseProcess(process);
    this.#startLater(this.#random.between(500, RESTART_MS));
  }

  async restart(): Promise<void> {
    const process = this.#process;
    const running = this.#running;
    if (process?.isAlive !== true || running === undefined) return;
    await this.#world.schedule.run(process, () => {
      void running.stop().then(() => {
        process.end();
        this.#world.network.loseProcess(process);
        this.#startLater(100);
      });
    });
  }

  endAtCall(): void {
    this.process?.endAtCall(this.#random.whole(1, 60), () => this.kill());
  }
}
