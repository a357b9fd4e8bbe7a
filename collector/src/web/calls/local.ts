/** A call with one answer that this process makes of a request of a browser; to services it is like one of gRPC. */
import { EventEmitter } from "node:events";
import { Metadata } from "@grpc/grpc-js";
import type { Caller } from "../../access/index.ts";

/** What calls of all kinds know. */
export interface About {
  /** `/package.Service/Method`. */
  path: string;
  peer: string;
  /** Who calls, as of now; throws where they may no longer. */
  authenticate: () => Promise<Caller>;
}

/** What a browser sent: one message, or several that are read when the service asks for them. */
export interface Sent {
  request?: unknown;
  parts?: AsyncIterable<unknown>;
}

export class LocalCall extends EventEmitter {
  readonly metadata: Metadata = new Metadata();
  readonly request: unknown;
  cancelled = false;
  readonly #about: About;
  readonly #parts: AsyncIterable<unknown> | undefined;

  constructor(about: About, { request, parts }: Sent) {
    super();
    this.#about = about;
    this.request = request;
    this.#parts = parts;
  }

  getPath(): string {
    return this.#about.path;
  }

  getPeer(): string {
    return this.#about.peer;
  }

  /** The connection's certificate does not count here: the session does. */
  getAuthContext(): object {
    return {};
  }

  authenticate(): Promise<Caller> {
    return this.#about.authenticate();
  }

  /** Whoever asked is gone. */
  leave(): void {
    this.cancelled = true;
    this.emit("cancelled", "cancelled");
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown> {
    if (this.#parts !== undefined) yield* this.#parts;
  }
}
