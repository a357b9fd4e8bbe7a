/**
 * A database with MongoDB's wire protocol: collections of documents by `_id`. What was written with `j: true` and answered is safe; other writes
 * may be lost when it crashes, and of a request that was not answered each write may have been done. The embedded one (FerretDB 1.24)
 * reads, changes and writes a document in an update: two at once lose one of them.
 */
import { BSON, type Document } from "mongodb";
import { type Machine, Present, type Random, type Schedule, type SimulatedProcess } from "../schedule/index.ts";
import type { Network } from "../network/index.ts";

export interface DatabaseWeather {
  /** Share of requests whose answer is lost, though they were done. */
  answersLost: number;
  /** Share of requests that never reach it. */
  requestsLost: number;
  /** Milliseconds that a write takes, at most. */
  writeMs: number;
}

export type DatabaseKind = "mongodb" | "embedded";

/** One change, so that it can be undone by a crash. */
interface Undo {
  collection: string;
  id: string;
  before: Uint8Array | undefined;
}

export class Database {
  readonly machine: Machine;
  readonly kind: DatabaseKind;
  readonly #schedule: Schedule;
  readonly #network: Network;
  readonly #random: Random;
  readonly #collections = new Map<string, Map<string, Uint8Array>>();
  /** What a crash may undo, in its order. */
  #unsafe: Undo[] = [];
  weather: DatabaseWeather = { answersLost: 0, requestsLost: 0, writeMs: 20 };
  isUp = true;
  /** Times that it crashed: a request that began before ends with it, however soon it is up again. */
  crashes = 0;

  constructor(machine: Machine, kind: DatabaseKind, schedule: Schedule, network: Network, random: Random) {
    this.machine = machine;
    this.kind = kind;
    this.#schedule = schedule;
    this.#network = network;
    this.#random = random;
  }

  // ---- For the world ---------------------------------------------------------------------------------------

  /** Some or all of what was not journaled is undone, the newest first. */
  crash(): void {
    this.isUp = false;
    this.crashes++;
    const undone = this.#random.whole(0, this.#unsafe.length);
    for (const { collection, id, before } of this.#unsafe.toReversed().slice(0, undone)) {
      if (before === undefined) this.collection(collection).delete(id);
      else this.collection(collection).set(id, before);
    }
    this.#unsafe = [];
  }

  start(): void {
    this.isUp = true;
  }

  // ---- For its clients -------------------------------------------------------------------------------------

  get names(): string[] {
    return [...this.#collections.keys()].filter((name) => this.collection(name).size > 0);
  }

  drop(name: string): boolean {
    return this.#collections.delete(name);
  }

  collection(name: string): Map<string, Uint8Array> {
    let found = this.#collections.get(name);
    if (found === undefined) this.#collections.set(name, (found = new Map()));
    return found;
  }

  put(collection: string, id: string, document: Document): void {
    this.#unsafe.push({ collection, id, before: this.collection(collection).get(id) });
    this.collection(collection).set(id, BSON.serialize(document));
  }

  remove(collection: string, id: string): boolean {
    const before = this.collection(collection).get(id);
    if (before === undefined) return false;
    this.#unsafe.push({ collection, id, before });
    return this.collection(collection).delete(id);
  }

  /** What was written until now is on the disk: the journal is one, so whoever waits for it waits for all before. */
  journal(): void {
    this.#unsafe = [];
  }

  reaches(process: SimulatedProcess): boolean {
    return this.isUp && this.#network.reaches(process.machine, this.machine);
  }

  latencyMs(): number {
    return this.#network.latencyMs();
  }

  writeMs(): number {
    return this.#random.between(0.1, this.weather.writeMs);
  }

  isLost(share: "answersLost" | "requestsLost"): boolean {
    return this.#random.chance(this.weather[share]);
  }

  later(delayMs: number, process: SimulatedProcess | undefined, run: () => void): void {
    this.#schedule.after(delayMs, process, "", run);
  }

  note(what: string): void {
    this.#schedule.note("database", what);
  }

  get random(): Random {
    return this.#random;
  }
}

export const presentDatabase: Present<Database> = new Present("database");
