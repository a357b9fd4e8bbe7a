/** Where the messages of one answer go: no faster than the caller reads, and no longer than the caller may. */
import { type ServerWritableStream, type ServiceError, status } from "@grpc/grpc-js";
import type { HostSet } from "../access/index.ts";
import { serviceError } from "./error.ts";

/** How often the rights of a caller are looked at again. */
const RIGHTS_INTERVAL_MS = 2000;
/** A caller that reads nothing for so long is let go. */
const STALL_MAX_MS = 60_000;

type Call<Response> = Pick<
  ServerWritableStream<unknown, Response>,
  "cancelled" | "off" | "on" | "write" | "writableNeedDrain"
>;

export class Sink<Response> {
  /** Events or other things that the caller got to see. */
  results = 0;
  readonly #call: Call<Response>;
  readonly #ending = new AbortController();
  readonly #looking: NodeJS.Timeout;
  readonly #stallMaxMs: number;
  #hosts: HostSet | "not looked at" = "not looked at";
  #reason: unknown;

  /** `enter` lets the caller in again, or throws. */
  constructor(call: Call<Response>, enter: () => Promise<{ hosts: HostSet }>, stallMaxMs: number = STALL_MAX_MS) {
    this.#call = call;
    this.#stallMaxMs = stallMaxMs;
    call.on("cancelled", this.#left);
    if (call.cancelled) this.#left();
    this.#looking = setInterval(() => {
      enter().then(
        ({ hosts }) => {
          this.#hosts = hosts;
        },
        (error: unknown) => this.#end(error),
      );
    }, RIGHTS_INTERVAL_MS);
  }

  readonly #left = (): void => this.#end(serviceError(status.CANCELLED, "CALLER_LEFT", "the caller ended the call"));

  #end(reason: unknown): void {
    this.#reason ??= reason;
    this.#ending.abort();
  }

  /** Aborted when the caller is gone, may no longer ask, or does not read: then all work for it is to end. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** False for hosts that the caller lost the right to see while the call went on. */
  isVisible(hostId: string): boolean {
    return this.#hosts === "not looked at" || this.#hosts?.has(hostId) !== false;
  }

  /** True where the caller is to read first. */
  get isFull(): boolean {
    return this.#call.writableNeedDrain;
  }

  /** Writes when the caller has read what was written before. Throws a ServiceError where the call ended. */
  async write(response: Response): Promise<void> {
    await this.drained();
    this.#call.write(response);
  }

  /** Waits until the caller has read. Throws as `write`. */
  async drained(): Promise<void> {
    this.throwIfEnded();
    if (!this.#call.writableNeedDrain) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const stalled = setTimeout(() => this.#end(stalledError(this.#stallMaxMs)), this.#stallMaxMs);
    const done = (): void => resolve();
    this.#call.on("drain", done);
    this.signal.addEventListener("abort", done, { once: true });
    await promise;
    clearTimeout(stalled);
    this.#call.off("drain", done);
    this.signal.removeEventListener("abort", done);
    this.throwIfEnded();
  }

  throwIfEnded(): void {
    if (this.signal.aborted) throw this.#reason;
  }

  close(): void {
    clearInterval(this.#looking);
    this.#call.off("cancelled", this.#left);
  }
}

function stalledError(afterMs: number): ServiceError {
  return serviceError(status.ABORTED, "CALLER_STALLED", `nothing was read for ${afterMs / 1000} s: the call is ended`);
}
