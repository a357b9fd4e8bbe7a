/**
 * The network between processes. What is sent on a connection comes in its order or not at all; a connection may break, which each side
 * learns by itself and later, and what was on its way then is lost. Where two machines do not reach each other, TCP sends again until
 * keepalive gives the connection up.
 */
import { type Machine, Present, type Random, type Schedule, type SimulatedProcess } from "../schedule/index.ts";
import { Connection } from "./connection.ts";

export { Connection, type Side } from "./connection.ts";

/** As agents set it: 20 s between two pings, and 10 s for an answer. */
const KEEPALIVE_MS = 30_000;

export interface NetworkWeather {
  /** Milliseconds that a message takes, at most. */
  latencyMs: number;
  /** Share of messages that take a hundred times as long. */
  delayed: number;
}

/** Takes connections at an address. */
export interface Listener {
  process: SimulatedProcess;
  /** What it offers; for whoever stands in for gRPC to make sense of. */
  service: unknown;
}

export class Network {
  readonly schedule: Schedule;
  readonly #random: Random;
  readonly #listeners = new Map<string, Listener>();
  readonly #connections = new Set<Connection>();
  /** Pairs of machines that do not reach each other, both ways. */
  readonly #cuts = new Set<string>();
  weather: NetworkWeather = { latencyMs: 5, delayed: 0 };

  constructor(schedule: Schedule, random: Random) {
    this.schedule = schedule;
    this.#random = random;
  }

  /** Until its process ends, or what it gives is called. */
  listen(address: string, listener: Listener): () => void {
    const end = (): void => {
      if (this.#listeners.get(address) === listener) this.#listeners.delete(address);
    };
    this.#listeners.set(address, listener);
    listener.process.onEnd(end);
    return end;
  }

  latencyMs(): number {
    const { latencyMs, delayed } = this.weather;
    const usual = this.#random.between(0.05, latencyMs);
    return this.#random.chance(delayed) ? usual * 100 : usual;
  }

  reaches(a: Machine, b: Machine): boolean {
    return a === b || !this.#cuts.has(nameOf(a, b));
  }

  cut(a: Machine, b: Machine): void {
    this.#cuts.add(nameOf(a, b));
    for (const connection of this.#connections) {
      if (this.reaches(connection.client.machine, connection.server.machine)) continue;
      this.schedule.after(KEEPALIVE_MS, undefined, "", () => {
        if (!this.reaches(connection.client.machine, connection.server.machine)) connection.break("keepalive");
      });
    }
  }

  mend(): void {
    this.#cuts.clear();
    for (const connection of this.#connections) connection.flush();
  }

  /** Breaks connections by chance. */
  breakSome(share: number): void {
    for (const connection of this.#connections) if (this.#random.chance(share)) connection.break("reset");
  }

  /** Undefined where nobody listens there, or it cannot be reached. */
  find(address: string, from: Machine): Listener | undefined {
    const listener = this.#listeners.get(address);
    return listener !== undefined && this.reaches(from, listener.process.machine) ? listener : undefined;
  }

  connect(client: SimulatedProcess, server: SimulatedProcess): Connection {
    const connection = new Connection(this, client, server);
    this.#connections.add(connection);
    return connection;
  }

  forget(connection: Connection): void {
    this.#connections.delete(connection);
  }

  /** A machine lost its power: nobody tells those that were connected. */
  loseMachine(machine: Machine): void {
    for (const connection of this.#connections) {
      if (connection.client.machine !== machine && connection.server.machine !== machine) continue;
      this.schedule.after(KEEPALIVE_MS, undefined, "", () => connection.break("keepalive"));
    }
  }

  /** A process was killed: its system resets what it had open. */
  loseProcess(process: SimulatedProcess): void {
    for (const connection of this.#connections)
      if (connection.client === process || connection.server === process) connection.break("reset");
  }
}

function nameOf(a: Machine, b: Machine): string {
  return a.name < b.name ? `${a.name} ${b.name}` : `${b.name} ${a.name}`;
}

export const presentNetwork: Present<Network> = new Present("network");
