/** A NATS server with JetStream: what it promises, and how it breaks its word. */
import {
  type Machine,
  Present,
  type Random,
  type Schedule,
  type Scheduled,
  type SimulatedProcess,
  START_MS,
} from "../schedule/index.ts";
import type { Network } from "../network/index.ts";
import { type Consumer, covers, type Message, Stream } from "./stream.ts";

/** How reliable what is said to it and by it is. */
export interface BrokerWeather {
  /** Share of requests whose answer is lost, though they were done. */
  answersLost: number;
  /** Share of plain messages and of acknowledgements that are lost. */
  wordsLost: number;
  /** Share of messages that are delivered twice. */
  doubled: number;
}

export interface Listening {
  process: SimulatedProcess;
  pattern: string;
  queue: string | undefined;
  take: (subject: string, bytes: Uint8Array) => void;
}

/** A request for messages that waits at the server. */
export interface Pull {
  process: SimulatedProcess;
  stream: string;
  consumer: string;
  left: number;
  untilMs: number;
  take: (message: Message, deliveries: number) => void;
  isOver: boolean;
}

/** A dead letter or a block is looked for again so often where nobody asked. */
const REDELIVER_MS = 500;

export class Broker {
  readonly machine: Machine;
  readonly #schedule: Schedule;
  readonly #network: Network;
  readonly #random: Random;
  readonly streams: Map<string, Stream> = new Map();
  readonly #listening = new Set<Listening>();
  #pulls: Pull[] = [];
  readonly #reconnected: { process: SimulatedProcess; tell: (type: "disconnect" | "reconnect") => void }[] = [];
  weather: BrokerWeather = { answersLost: 0, wordsLost: 0, doubled: 0 };
  isUp = true;

  constructor(machine: Machine, schedule: Schedule, network: Network, random: Random, syncMs: number) {
    this.machine = machine;
    this.#schedule = schedule;
    this.#network = network;
    this.#random = random;
    const sync = (): void => {
      if (this.isUp) for (const stream of this.streams.values()) stream.sync();
      schedule.after(syncMs, undefined, "", sync);
    };
    sync();
  }

  get wallMs(): number {
    return START_MS + this.#schedule.nowMs + this.machine.clockOffsetMs;
  }

  // ---- For the world ---------------------------------------------------------------------------------------

  stop(): void {
    this.isUp = false;
    this.#pulls = [];
    for (const { process, tell } of this.#reconnected)
      this.#schedule.after(this.#network.latencyMs(), process, "", () => tell("disconnect"));
  }

  start(): void {
    this.isUp = true;
    // Deliveries that were open are given again after their time, as ever.
    for (const { process, tell } of this.#reconnected)
      this.#schedule.after(this.#random.between(100, 1500), process, "", () => tell("reconnect"));
  }

  losePower(): void {
    this.stop();
    for (const stream of this.streams.values()) stream.losePower(this.#random, this.wallMs);
  }

  loseSome(share: number): void {
    for (const stream of this.streams.values()) stream.loseSome(this.#random, share, this.wallMs);
  }

  /** All that it had. */
  loseEverything(): void {
    this.streams.clear();
  }

  // ---- For its clients -------------------------------------------------------------------------------------

  /** Whether a word between it and a process arrives. */
  reaches(process: SimulatedProcess): boolean {
    return this.isUp && this.#network.reaches(process.machine, this.machine);
  }

  latencyMs(): number {
    return this.#network.latencyMs();
  }

  later(delayMs: number, process: SimulatedProcess | undefined, run: () => void): Scheduled {
    return this.#schedule.after(delayMs, process, "", run);
  }

  isLost(share: keyof BrokerWeather): boolean {
    return this.#random.chance(this.weather[share]);
  }

  /** A request that came while it was down reaches it later, or never. */
  isKept(): boolean {
    return this.#random.chance(0.5);
  }

  onStatus(process: SimulatedProcess, tell: (type: "disconnect" | "reconnect") => void): void {
    this.#reconnected.push({ process, tell });
  }

  listen(listening: Listening): () => void {
    this.#listening.add(listening);
    return () => this.#listening.delete(listening);
  }

  /** A plain message: whoever listens now gets it, one of each queue. */
  say(subject: string, bytes: Uint8Array): void {
    const heard = [...this.#listening].filter(({ pattern, process }) => process.isAlive && covers(pattern, subject));
    for (const [queue, members] of Map.groupBy(heard, (each) => each.queue)) {
      const chosen = queue === undefined ? members : [this.#random.pick(members)];
      for (const { process, take } of chosen) {
        if (!this.reaches(process) || this.isLost("wordsLost")) continue;
        this.later(this.latencyMs(), process, () => take(subject, bytes));
      }
    }
  }

  /** Throws an Error in the server's words. */
  publish(message: Omit<Message, "sequence" | "timeMs">): { sequence: number; duplicate: boolean } {
    const stream = this.streamOf(message.subject);
    if (stream === undefined) throw new Error("no responders");
    const added = stream.add({ ...message, timeMs: this.wallMs });
    this.#schedule.note(
      "broker",
      `${added.duplicate ? "has" : "takes"} ${message.messageId.slice(0, 66)} as ${added.sequence}`,
    );
    this.say(message.subject, message.bytes);
    this.#serve(stream);
    return added;
  }

  /** The stream that takes a subject. */
  streamOf(subject: string): Stream | undefined {
    return [...this.streams.values()].find((each) => each.matches(subject));
  }

  pull(pull: Pull): void {
    this.#pulls.push(pull);
    const stream = this.streams.get(pull.stream);
    if (stream !== undefined) this.#serve(stream);
    this.#look();
  }

  #isLooking = false;

  /** Deliveries whose time is over are found while somebody asks. */
  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.later(REDELIVER_MS, undefined, () => {
      this.#isLooking = false;
      if (!this.isUp || this.#pulls.length === 0) return;
      for (const stream of this.streams.values()) this.#serve(stream);
      if (this.#pulls.length > 0) this.#look();
    });
  }

  #serve(stream: Stream): void {
    const nowMs = this.#schedule.nowMs;
    this.#pulls = this.#pulls.filter((pull) => !pull.isOver && pull.untilMs > nowMs && pull.process.isAlive);
    for (;;) {
      const open = this.#pulls.filter((pull) => pull.stream === stream.config.name && pull.left > 0);
      if (open.length === 0) return;
      const pull = this.#random.pick(open);
      const consumer = stream.consumers.get(pull.consumer);
      const message = consumer && stream.next(consumer, nowMs);
      if (consumer === undefined || message === undefined) {
        pull.left = consumer === undefined ? 0 : pull.left;
        return;
      }
      pull.left--;
      this.#deliver(pull, consumer, message);
    }
  }

  #deliver(pull: Pull, consumer: Consumer, message: Message): void {
    const count = consumer.deliveries.get(message.sequence)?.count ?? 1;
    const times = this.isLost("doubled") ? 2 : 1;
    for (let time = 0; time < times; time++) {
      if (!this.reaches(pull.process)) return;
      this.later(this.latencyMs(), pull.process, () => pull.take(message, count));
    }
  }

  // ---- Words about deliveries ------------------------------------------------------------------------------

  settle(stream: string, consumer: string, sequence: number): void {
    this.#schedule.note("broker", `${consumer} is done with ${sequence}`);
    this.streams.get(stream)?.settle(consumer, sequence);
  }

  working(stream: string, consumer: string, sequence: number): void {
    const found = this.streams.get(stream)?.consumers.get(consumer);
    const delivery = found?.deliveries.get(sequence);
    if (found === undefined || delivery?.deadlineMs === undefined) return;
    delivery.deadlineMs = this.#schedule.nowMs + found.config.ack_wait / 1e6;
  }

  refuse(stream: string, consumer: string, sequence: number, delayMs: number): void {
    const delivery = this.streams.get(stream)?.consumers.get(consumer)?.deliveries.get(sequence);
    if (delivery === undefined) return;
    delivery.deadlineMs = undefined;
    delivery.notBeforeMs = this.#schedule.nowMs + delayMs;
  }
}

export const presentBroker: Present<Broker> = new Present("broker");
