/** One connection: two directions, each in order. */
import type { Machine, Schedule, SimulatedProcess } from "../schedule/index.ts";

export type Side = "client" | "server";

/** What one side takes. */
interface End {
  take: (message: unknown) => void;
  broken: (reason: string) => void;
  isTold: boolean;
}

/** What a connection needs of the network that it goes over. */
export interface Wire {
  schedule: Schedule;
  latencyMs(): number;
  reaches(a: Machine, b: Machine): boolean;
  forget(connection: Connection): void;
}

interface Way {
  /** What comes now must not come before what was sent earlier. */
  arrivesMs: number;
  /** Kept while the machines do not reach each other. */
  held: unknown[];
}

export class Connection {
  readonly client: SimulatedProcess;
  readonly server: SimulatedProcess;
  readonly #network: Wire;
  readonly #ends = new Map<Side, End>();
  readonly #ways: Record<Side, Way> = {
    client: { arrivesMs: 0, held: [] },
    server: { arrivesMs: 0, held: [] },
  };
  #isBroken = false;

  constructor(network: Wire, client: SimulatedProcess, server: SimulatedProcess) {
    this.#network = network;
    this.client = client;
    this.server = server;
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  attach(side: Side, take: End["take"], broken: End["broken"]): void {
    this.#ends.set(side, { take, broken, isTold: false });
  }

  #process(side: Side): SimulatedProcess {
    return side === "client" ? this.client : this.server;
  }

  /** Sends to the other side; what a broken connection is given is lost. */
  send(from: Side, message: unknown): void {
    if (this.#isBroken || !this.#process(from).isAlive) return;
    const to = from === "client" ? "server" : "client";
    if (this.#network.reaches(this.client.machine, this.server.machine)) this.#deliver(to, message);
    else this.#ways[to].held.push(message);
  }

  #deliver(to: Side, message: unknown): void {
    const { schedule } = this.#network;
    const way = this.#ways[to];
    way.arrivesMs = Math.max(way.arrivesMs + 0.001, schedule.nowMs + this.#network.latencyMs());
    schedule.after(way.arrivesMs - schedule.nowMs, this.#process(to), "", () => {
      const end = this.#ends.get(to);
      // What came before the break was noticed counts; what comes after it does not.
      if (end !== undefined && !end.isTold && !this.#isBroken) end.take(message);
    });
  }

  /** The machines reach each other again. */
  flush(): void {
    for (const to of ["client", "server"] as const)
      for (const message of this.#ways[to].held.splice(0)) this.#deliver(to, message);
  }

  /** Both sides learn of it, each in its own time. */
  break(reason: string): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#network.forget(this);
    for (const [side, end] of this.#ends) {
      this.#network.schedule.after(
        this.#network.latencyMs(),
        this.#process(side),
        `connection broken: ${reason}`,
        () => {
          if (end.isTold) return;
          end.isTold = true;
          end.broken(reason);
        },
      );
    }
  }

  /** One side closes it in order: it hears no more, and the other one what was sent before. */
  close(side: Side): void {
    const end = this.#ends.get(side);
    if (end !== undefined) end.isTold = true;
    const other = this.#ends.get(side === "client" ? "server" : "client");
    if (other === undefined || other.isTold) this.#network.forget(this);
  }
}
