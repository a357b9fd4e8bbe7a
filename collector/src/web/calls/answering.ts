/**
 * What calls with many answers have alike, whoever gets these: to services they are like one of gRPC. The answers are written to it in their
 * order; an error that a step tells ends it, as does whoever asked by going away.
 */
import { Writable } from "node:stream";
import { Metadata } from "@grpc/grpc-js";
import type { Caller } from "../../access/index.ts";
import { type Exchange, whenOver } from "../exchange.ts";
import type { About, Sent } from "./local.ts";

export type Done = (error?: Error | null) => void;

export abstract class AnsweringCall extends Writable {
  readonly metadata: Metadata = new Metadata();
  readonly request: unknown;
  cancelled = false;
  readonly #about: About;
  #problem: unknown;

  protected constructor(about: About, { request }: Pick<Sent, "request">, { over }: Pick<Exchange, "over">) {
    super({ objectMode: true });
    this.#about = about;
    this.request = request;
    // Steps tell by this event how a call failed, as gRPC wants it.
    this.on("error", (error) => this.fail(error));
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

  // What comes after the end is dropped, as gRPC does: a stream of Node's own would forget what waits.
  override write(message: unknown): boolean {
    if (this.writableEnded || this.destroyed) return false;
    return super.write(message);
  }

  /** Why it ends early; undefined where it does not. */
  protected get problem(): unknown {
    return this.#problem;
  }

  /** Whether all was said that is to be said. */
  protected abstract get isSaid(): boolean;

  protected fail(error: unknown): void {
    if (this.writableEnded || this.destroyed) return;
    this.#problem = error;
    this.end();
  }

  protected cancel(): void {
    this.cancelled = true;
    this.emit("cancelled", "cancelled");
  }

  /** The connection is over: what was to be said is said, or nobody listens. */
  #left(): void {
    if (!this.isSaid) this.cancel();
    this.destroy();
  }
}
