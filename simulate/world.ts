/** One seed: a world is made, lives with faults, heals, and is judged. */
import { compact } from "@hosttrail/collector/compact";
import { Broker, presentBroker } from "./broker/index.ts";
import { patchGlobals, presentChance } from "./clock/index.ts";
import { setMerge, setThreadsFailing, SimulatedCollector, watchAnswers } from "./collector/index.ts";
import { Database, presentDatabase } from "./database/index.ts";
import { presentDisks } from "./disk/index.ts";
import { Faults } from "./faults/index.ts";
import { type HostKeys, makeKeys, presentKeys, presentRings, SimulatedHost } from "./host/index.ts";
import { Network, presentNetwork } from "./network/index.ts";
import { judge, readStored, type Stored, type Words } from "./oracle/index.ts";
import { type Plan, planOf } from "./plan.ts";
import type { Report } from "./report.ts";
import { presentSchedule, Random, Schedule, SimulatedProcess } from "./schedule/index.ts";
import { eventId } from "@hosttrail/lib/block";
import { fingerprintOf } from "@hosttrail/lib/crypto";

/** Hosts of a world, at most. */
const HOSTS_MAX = 3;
/** In a healed world nothing may wait any longer than this. */
const LIVENESS_MS = 45 * 60_000;
const LOOK_MS = 20_000;
/** Reading all in the end takes no longer, by the simulated clock. */
const READING_MS = 10 * 60_000;
/** Times that it is read, where something comes meanwhile. */
const READINGS_MAX = 10;

/** A world's end; what it took of the processor is for its process to say. */
export type Outcome = Omit<Report, "cpuMs">;

let keys: { hosts: HostKeys[]; authority: string } | undefined;

/** Before the first seed of a process. */
export async function prepare(): Promise<void> {
  keys = await makeKeys(HOSTS_MAX);
  setMerge(compact);
  patchGlobals();
}

class World {
  readonly seed: string;
  readonly random: Random;
  readonly plan: Plan;
  readonly schedule: Schedule;
  readonly network: Network;
  readonly broker: Broker;
  readonly database: Database;
  readonly hosts: SimulatedHost[];
  readonly collectors: SimulatedCollector[];
  readonly faults: Faults;
  /** Ids of blocks that hosts were told to be stored. */
  readonly told = new Set<string>();
  #isWorking = true;

  constructor(seed: string, isTraced: boolean, change: Partial<Plan>) {
    if (keys === undefined) throw new Error("prepare() comes first");
    const { hosts, authority } = keys;
    this.seed = seed;
    this.random = new Random(`seed ${seed}`);
    this.plan = { ...planOf(this.random.stream("plan")), ...change };
    const { plan } = this;
    this.schedule = new Schedule(this.random.stream("schedule"), isTraced);
    presentSchedule.set(this.schedule);
    presentChance.set(this.random.stream("chance"));
    setThreadsFailing(0);
    const { schedule } = this;
    this.network = new Network(schedule, this.random.stream("network"));
    const { network } = this;
    const machine = (name: string): { name: string; clockOffsetMs: number } => ({ name, clockOffsetMs: 0 });
    this.broker = new Broker(machine("broker"), schedule, network, this.random.stream("broker"), plan.brokerSyncMs);
    this.database = new Database(machine("database"), plan.database, schedule, network, this.random.stream("database"));
    this.collectors = Array.from(
      { length: plan.collectors },
      (_, at) => new SimulatedCollector(`c${at}`, this.random, { schedule, network, plan, authority }),
    );
    const addresses = this.collectors.map(({ name }) => `${name}:4317`);
    this.hosts = hosts
      .slice(0, plan.hosts)
      .map(
        (own, at) => new SimulatedHost(`h${at}`, own, this.random, { schedule, network, plan, collectors: addresses }),
      );
    presentNetwork.set(network);
    presentBroker.set(this.broker);
    presentDatabase.set(this.database);
    presentDisks.set((owner) => this.#machine(owner.name).disk);
    presentRings.set((owner) => this.#host(owner.name).ring);
    presentKeys.set((owner) => ({ keys: this.#host(owner.name).keys, authority }));
    this.#watch();
    this.#enroll();
    const { broker, database } = this;
    const victims = { schedule, network, broker, database, hosts: this.hosts, collectors: this.collectors };
    this.faults = new Faults(victims, plan, this.random.stream("faults"));
  }

  #host(name: string): SimulatedHost {
    const host = this.hosts.find((each) => each.name === name);
    if (host === undefined) throw new Error(`there is no host ${name}`);
    return host;
  }

  #machine(name: string): SimulatedHost | SimulatedCollector {
    return this.collectors.find((each) => each.name === name) ?? this.#host(name);
  }

  /** What hosts are told is held against the database in the end. */
  #watch(): void {
    watchAnswers((name, { message }) => {
      if (message?.$case !== "stored") return;
      for (const { epoch, firstSeq } of message.value.blocks)
        this.told.add(eventId(this.#host(name).keys.hostId, epoch, firstSeq));
    });
  }

  #enroll(): void {
    for (const { name, keys: own } of this.hosts) {
      const keyFingerprint = fingerprintOf(own.publicKey);
      const row = {
        _id: own.hostId,
        hostName: name,
        labels: [],
        proof: "token:simulated",
        keyFingerprint,
        enrollMs: 1,
      };
      this.database.put("identities", own.hostId, row);
    }
    this.database.journal();
  }

  async start(): Promise<void> {
    for (const machine of [...this.collectors, ...this.hosts]) await machine.start();
    for (const host of this.hosts) this.#work(host, this.random.stream(`work ${host.name}`));
  }

  #work(host: SimulatedHost, random: Random): void {
    const { burstEveryMs, burstEvents, lowShare } = this.plan;
    this.schedule.after(random.between(0, 2 * burstEveryMs), undefined, "", () => {
      if (!this.#isWorking) return;
      host.give(random.whole(1, burstEvents), lowShare);
      this.#work(host, random);
    });
  }

  async live(): Promise<void> {
    await this.schedule.runUntil(this.plan.lifeMs, () => this.schedule.uncaught.length > 0);
  }

  /** Ends what is wrong, and waits until nothing waits; what still does after its time is a failure. */
  async heal(): Promise<string[]> {
    this.schedule.note("world", "heals");
    this.#isWorking = false;
    this.faults.heal();
    const endMs = this.schedule.nowMs + LIVENESS_MS;
    let waiting: string[] = [];
    let quiet = 0;
    while (this.schedule.nowMs < endMs && this.schedule.uncaught.length === 0) {
      await this.schedule.runUntil(this.schedule.nowMs + LOOK_MS);
      waiting = await this.#waiting();
      quiet = waiting.length === 0 ? quiet + 1 : 0;
      // What an agent holds for a moment is told nowhere.
      if (quiet === 2) return [];
    }
    return waiting;
  }

  async #waiting(): Promise<string[]> {
    const waiting: string[] = [];
    for (const host of this.hosts) {
      if (host.isStalled || host.ring.readTo < host.ring.end) {
        waiting.push(`${host.name}: events wait in its kernel`);
        continue;
      }
      const status = await host.ask({ ask: "status" });
      const spool = status?.["spool"] as { blocks: number } | undefined;
      const ledger = status?.["ledger"] as { pending: number } | undefined;
      if (spool === undefined || ledger === undefined) waiting.push(`${host.name}: its agent does not run`);
      else if (spool.blocks > 0) waiting.push(`${host.name}: ${spool.blocks} blocks wait in its spool`);
      else if (ledger.pending > 0) waiting.push(`${host.name}: ${ledger.pending} events are in no block yet`);
    }
    for (const { config, messages, consumers } of this.broker.streams.values()) {
      if (consumers.size > 0 && messages.size > 0) waiting.push(`${messages.size} messages are in ${config.name}`);
    }
    return waiting;
  }

  /** What is wrong in a healed world. */
  async judge(): Promise<string[]> {
    const failures: string[] = [];
    for (const host of this.hosts) {
      const status = await host.ask({ ask: "status" });
      for (const each of (status?.["imbalances"] ?? []) as object[])
        failures.push(`${host.name}: its ledger does not add up: ${JSON.stringify(each)}`);
      const { blocks } = (status?.["quarantine"] ?? { blocks: 0 }) as { blocks: number };
      if (blocks > 0 && host.flips === 0) failures.push(`${host.name}: ${blocks} blocks are in its quarantine`);
    }
    const read = await this.#readInPeace();
    return typeof read === "string"
      ? [...failures, read]
      : [...failures, ...judge(this.hosts, read.stored, read.words)];
  }

  /** All that is stored, and what was said of it, at a time when nothing came: an agent tells its ledger every minute. */
  async #readInPeace(): Promise<{ stored: Stored; words: Words } | string> {
    for (let time = 0; time < READINGS_MAX; time++) {
      const words = { stored: new Set(this.told) };
      const stored = await this.#read();
      if (typeof stored === "string") return stored;
      const waiting = await this.#waiting();
      if (waiting.length === 0 && words.stored.size === this.told.size) return { stored, words };
      await this.schedule.runUntil(this.schedule.nowMs + LOOK_MS);
    }
    return `something came while what is stored was read, ${READINGS_MAX} times`;
  }

  /** All that is stored, or why it cannot be read. */
  async #read(): Promise<Stored | string> {
    const reader = new SimulatedProcess("oracle", { name: "oracle", clockOffsetMs: 0 });
    let result: Stored | string | undefined;
    await this.schedule.run(reader, () => {
      readStored(this.hosts.map((host) => host.keys.hostId)).then(
        (stored) => (result = stored),
        (error: unknown) => (result = `what is stored cannot be read: ${String(error)}`),
      );
    });
    await this.schedule.runUntil(this.schedule.nowMs + READING_MS, () => result !== undefined);
    this.blocks = typeof result === "object" ? result.blocks.length : 0;
    return result ?? "what is stored cannot be read in time";
  }

  blocks = 0;

  outcome(failures: string[]): Outcome {
    const { schedule, hosts, collectors, plan, seed } = this;
    const sum = (numbers: number[]): number => numbers.reduce((total, each) => total + each, 0);
    return {
      seed,
      failures,
      plan,
      lifeMs: schedule.nowMs,
      steps: schedule.steps,
      events: sum(hosts.map(({ given }) => given.size)),
      excused: sum(hosts.map(({ excused }) => excused.size)),
      blocks: this.blocks,
      lives: sum([...hosts, ...collectors].map(({ lives }) => lives)),
      faults: sum([...this.faults.counts.values()]),
      fingerprint: schedule.fingerprint,
      trace: schedule.trace,
    };
  }
}

export interface SeedOptions {
  isTraced?: boolean;
  /** Takes the place of what the seed drew, as who looks for one fault wants it. */
  plan?: Partial<Plan>;
}

/** Runs one seed. Nothing of it is left behind. */
export async function runSeed(seed: string, { isTraced = false, plan = {} }: SeedOptions = {}): Promise<Outcome> {
  const world = new World(seed, isTraced, plan);
  const failures: string[] = [];
  try {
    await world.start();
    await world.live();
    failures.push(...(await world.heal()));
    if (failures.length === 0 && world.schedule.uncaught.length === 0) failures.push(...(await world.judge()));
  } catch (error) {
    failures.push(
      `the simulation itself failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  }
  for (const { process, error } of world.schedule.uncaught)
    failures.push(
      `${process} ended by an error that nobody took: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  return world.outcome(failures);
}
