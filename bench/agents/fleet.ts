/** The processes of simulated agents, as one. */
import { type ChildProcess, fork } from "node:child_process";
import type { Answered, Commands } from "./commands.ts";

const CLIENT = new URL("client.ts", import.meta.url).pathname;

type Argument<Name extends keyof Commands> = Parameters<Commands[Name]>[0];
type Result<Name extends keyof Commands> = Awaited<ReturnType<Commands[Name]>>;

class Client {
  readonly #child: ChildProcess = fork(CLIENT, { execArgv: ["--stack-trace-limit=1", "--max-semi-space-size=64"] });
  readonly #asked = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  #id = 0;

  constructor() {
    this.#child.on("message", ({ id, result, error }: Answered) => {
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      if (error === undefined) asked?.resolve(result);
      else asked?.reject(new Error(error));
    });
    this.#child.on("error", () => undefined);
    this.#child.on("exit", (code, signal) => {
      for (const { reject } of this.#asked.values()) reject(new Error(`simulated agents ended: ${signal ?? code}`));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  ask<Name extends keyof Commands>(name: Name, argument: Argument<Name>): Promise<Result<Name>> {
    const { promise, resolve, reject } = Promise.withResolvers<Result<Name>>();
    const id = this.#id++;
    this.#asked.set(id, { resolve: resolve as (result: unknown) => void, reject });
    this.#child.send({ id, name, argument });
    return promise;
  }

  stop(): void {
    if (this.#child.connected) this.#child.disconnect();
  }
}

export class Fleet {
  readonly #clients: Client[];

  constructor(processes: number) {
    this.#clients = Array.from({ length: processes }, () => new Client());
  }

  get pids(): number[] {
    return this.#clients.map(({ pid }) => pid);
  }

  /** Asks all at once; `argumentOf` has the number of the process. */
  ask<Name extends keyof Commands>(name: Name, argumentOf: (at: number) => Argument<Name>): Promise<Result<Name>[]> {
    return Promise.all(this.#clients.map((client, at) => client.ask(name, argumentOf(at))));
  }

  /** Asks the first one alone. */
  async askFirst<Name extends keyof Commands>(name: Name, argument: Argument<Name>): Promise<Result<Name>> {
    const [client] = this.#clients;
    if (client === undefined) throw new Error("there are no simulated agents");
    return await client.ask(name, argument);
  }

  stop(): void {
    for (const client of this.#clients) client.stop();
  }
}
