/** What goes wrong, when, and until when. All of it ends when the world heals. */
import type { Broker } from "../broker/index.ts";
import { setThreadsFailing, type SimulatedCollector } from "../collector/index.ts";
import type { Database } from "../database/index.ts";
import type { SimulatedHost } from "../host/index.ts";
import type { Network } from "../network/index.ts";
import type { FaultKind, Plan } from "../plan.ts";
import type { Machine, Random, Schedule } from "../schedule/index.ts";
import { flipBit } from "./flip.ts";

export interface Victims {
  schedule: Schedule;
  network: Network;
  broker: Broker;
  database: Database;
  hosts: readonly SimulatedHost[];
  collectors: readonly SimulatedCollector[];
}

/** A fault that lasts does so for this long, at most. */
const LASTS_MS = 90_000;
const STALL_MS = 45_000;
const JUMP_MS = 3 * 3_600_000;

export class Faults {
  readonly #victims: Victims;
  readonly #random: Random;
  readonly #plan: Plan;
  /** What is wrong now ends by these. */
  readonly #ends = new Set<() => void>();
  #isOver = false;
  /** How often each kind came. */
  readonly counts: Map<FaultKind, number> = new Map();

  constructor(victims: Victims, plan: Plan, random: Random) {
    this.#victims = victims;
    this.#random = random;
    this.#plan = plan;
    for (const kind of plan.faults) this.#next(kind);
  }

  #next(kind: FaultKind): void {
    const waitMs = this.#random.between(0, 2 * this.#plan.faultEveryMs);
    this.#victims.schedule.after(waitMs, undefined, "", () => {
      if (this.#isOver) return;
      this.#victims.schedule.note("fault", kind);
      this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
      this.#begin(kind);
      this.#next(kind);
    });
  }

  /** From now on nothing goes wrong, and what is wrong is mended. */
  heal(): void {
    this.#isOver = true;
    for (const end of this.#ends) end();
    this.#ends.clear();
    const { broker, database, network } = this.#victims;
    network.mend();
    if (!broker.isUp) broker.start();
    database.start();
    for (const { process } of [...this.#victims.hosts, ...this.#victims.collectors])
      if (process !== undefined) process.endAtCall(Number.POSITIVE_INFINITY, () => undefined);
  }

  /** Undone after a while, or when the world heals. */
  #for(end: () => void): void {
    this.#ends.add(end);
    const lastsMs = this.#random.chance(0.2) ? LASTS_MS * this.#random.fraction() : 5000 * this.#random.fraction();
    this.#victims.schedule.after(lastsMs, undefined, "", () => {
      if (this.#ends.delete(end)) end();
    });
  }

  #begin(kind: FaultKind): void {
    const { schedule, network, hosts, collectors } = this.#victims;
    const host = this.#random.pick(hosts);
    const collector = this.#random.pick(collectors);
    const stall = ({ process }: SimulatedHost | SimulatedCollector): void => {
      if (process !== undefined) process.stalledUntilMs = schedule.nowMs + this.#random.between(100, STALL_MS);
    };
    switch (kind) {
      case "agent-killed":
        host.kill();
        break;
      case "agent-killed-at-call":
        host.endAtCall("kill");
        break;
      case "agent-restarted":
        void host.restart();
        break;
      case "agent-stalled":
        stall(host);
        break;
      case "host-loses-power":
        host.losePower();
        break;
      case "host-loses-power-at-call":
        host.endAtCall("power");
        break;
      case "collector-killed":
        collector.kill();
        break;
      case "collector-killed-at-call":
        collector.endAtCall();
        break;
      case "collector-restarted":
        void collector.restart();
        break;
      case "collector-stalled":
        stall(collector);
        break;
      case "network-cut":
        this.#cut();
        break;
      case "network-slow":
        network.weather = { latencyMs: this.#random.pick([50, 500, 3000]), delayed: this.#random.pick([0, 0.02]) };
        this.#for(() => void (network.weather = { latencyMs: 5, delayed: 0 }));
        break;
      case "connections-broken":
        network.breakSome(this.#random.fraction());
        break;
      case "disk-full":
      case "disk-failing":
        host.disk.mood = kind === "disk-full" ? "full" : "failing";
        this.#for(() => void (host.disk.mood = "well"));
        break;
      case "bit-flipped":
        flipBit(host, this.#random);
        break;
      case "clock-jumps":
        this.#jump(this.#random.pick<Machine>([...hosts, ...collectors, this.#victims.broker.machine]));
        break;
      case "threads-failing":
        setThreadsFailing(0.3);
        this.#for(() => setThreadsFailing(0));
        break;
      default:
        this.#beginAtServers(kind);
    }
  }

  #beginAtServers(kind: FaultKind): void {
    const { broker, database, collectors } = this.#victims;
    switch (kind) {
      case "broker-down":
        broker.stop();
        this.#for(() => broker.start());
        break;
      case "broker-loses-power":
        broker.losePower();
        this.#for(() => broker.start());
        break;
      case "broker-loses-messages":
        broker.loseSome(this.#random.fraction());
        break;
      case "broker-loses-everything":
        broker.stop();
        broker.loseEverything();
        this.#for(() => {
          broker.start();
          // Who sets a server up anew starts what makes its streams.
          for (const collector of collectors) collector.kill();
        });
        break;
      case "broker-unreliable":
        broker.weather = {
          answersLost: this.#random.pick([0, 0.1]),
          wordsLost: this.#random.pick([0, 0.1, 0.5]),
          doubled: this.#random.pick([0, 0.2]),
        };
        this.#for(() => void (broker.weather = { answersLost: 0, wordsLost: 0, doubled: 0 }));
        break;
      case "database-down":
        database.crash();
        this.#for(() => database.start());
        break;
      case "database-slow":
        database.weather = { ...database.weather, writeMs: this.#random.pick([200, 2000]) };
        this.#for(() => void (database.weather = { ...database.weather, writeMs: 20 }));
        break;
      case "database-unreliable":
        database.weather = { ...database.weather, answersLost: 0.15, requestsLost: 0.1 };
        this.#for(() => void (database.weather = { ...database.weather, answersLost: 0, requestsLost: 0 }));
        break;
      default:
        throw new Error(`nobody knows how "${kind}" goes wrong`);
    }
  }

  #cut(): void {
    const { network, hosts, collectors, broker, database } = this.#victims;
    const inner = this.#random.pick(collectors);
    network.cut(inner, this.#random.pick<Machine>([...hosts, broker.machine, database.machine]));
    this.#for(() => network.mend());
  }

  #jump(machine: Machine): void {
    const offsetMs = this.#random.between(-JUMP_MS, JUMP_MS);
    this.#victims.schedule.note(machine.name, `the clock is off by ${Math.round(offsetMs / 1000)} s`);
    machine.clockOffsetMs = offsetMs;
  }
}
