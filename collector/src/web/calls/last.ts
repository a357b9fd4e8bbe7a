/**
 * A call with many answers of which a program wants the last one alone, as if there were only one: of those that tell what is known so far,
 * it is the whole. To services it is like one of gRPC.
 */
import { Writable } from "node:stream";
import { Metadata } from "@grpc/grpc-js";
import type { Caller } from "../../access/index.ts";
import { type Exchange, sendJson, whenOver } from "../exchange.ts";
import { problemOf } from "../problem.ts";
import type { About, Sent } from "./local.ts";

type Done = (error?: Error | null) => void;

export class LastCall extends Writable {
  readonly metadata: Metadata = new Metadata();
  readonly request: unknown;
  cancelled = false;
  readonly #about: About;
  readonly #answer: Exchange["answer"];
  readonly #encode: (message: unknown) => unknown;
  #last: unknown;
  #problem: unknown;

  constructor(
    about: About,
    { request }: Pick<Sent, "request">,
    encode: (message: unknown) => unknown,
    { answer, over }: Pick<Exchange, "answer" | "over">,
  ) {
    super({ objectMode: true });
    this.#about = about;
    this.request = request;
    this.#encode = encode;
    this.#answer = answer;
    // Steps tell by this event how a call failed, as gRPC wants it.
    this.on("error", (error) => this.#fail(error));
    // Later than now, since whoever handles the call must hear of it.
    whenOver(over, () => setImmediate(() => this.#left()));
  }

  getPath(): string {
    return this.#about.path;
  }

  getPeer(): string {
    return this.#about.peer;
  }

  getAuthContext(): object {
    return {};
  }

  authenticate(): Promise<Caller> {
    return this.#about.authenticate();
  }

  /** Nobody waits for the first answer. */
  sendMetadata(): void {}

  // What comes after the end is dropped, as gRPC does.
  override write(message: unknown): boolean {
    if (this.writableEnded || this.destroyed) return false;
    return super.write(message);
  }

  override _write(message: unknown, _encoding: BufferEncoding, done: Done): void {
    this.#last = message;
    done();
  }

  override _final(done: Done): void {
    try {
      if (this.#problem !== undefined) throw this.#problem;
      sendJson(this.#answer, 200, this.#last === undefined ? {} : this.#encode(this.#last));
    } catch (error) {
      const { status, body } = problemOf(error);
      sendJson(this.#answer, status, body);
    }
    done();
  }

  #fail(error: unknown): void {
    if (this.writableEnded || this.destroyed) return;
    this.#problem = error;
    this.end();
  }

  /** The connection is over: what was to be said is said, or nobody listens. */
  #left(): void {
    if (!this.writableFinished) {
      this.cancelled = true;
      this.emit("cancelled", "cancelled");
    }
    this.destroy();
  }
}
