/**
 * Takes blocks from agents: checks that header, hash and signature fit the certificate, publishes the bytes as they
 * are, and tells *received* and, when the store role says so, *stored*.
 */
import { type handleBidiStreamingCall, type ServerDuplexStream, type ServiceError, status } from "@grpc/grpc-js";
import type { Logger } from "@hosttrail/lib/log";
import type { StreamRequest, StreamResponse } from "@hosttrail/proto/ingest";
import { metrics } from "../metrics/index.ts";
import { PeerError, peerOf, serviceError } from "../serve/index.ts";
import { Quotas } from "./quota.ts";
import { HostStream, type ReceiveOptions, STOPPING } from "./stream.ts";

export { Newcomers, WORD_INTERVAL_MS } from "./newcomers.ts";
export { onward } from "./codec.ts";
export { Presences } from "./presence.ts";
export { Room } from "./room.ts";
export { Windows } from "./windows.ts";
export type { Tuning } from "./stream.ts";

/** When a host that has too many streams may try again. */
const STREAMS_RETRY_MS = 5000;

type Call = ServerDuplexStream<StreamRequest, StreamResponse>;

/** The streams of all agents on this node. */
export class Receiver {
  readonly #options: ReceiveOptions;
  readonly #logger: Logger;
  readonly #streams = new Set<HostStream>();
  readonly #quotas: Quotas;
  #isStopping = false;
  #emptied: () => void = () => undefined;

  constructor(options: ReceiveOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
    this.#quotas = new Quotas(() => options.tuning().quota);
  }

  readonly stream: handleBidiStreamingCall<StreamRequest, StreamResponse> = (call: Call): void => {
    const refuse = (error: ServiceError): void => void call.emit("error", error);
    try {
      const peer = peerOf(call);
      if (this.#isStopping) {
        refuse(serviceError(status.UNAVAILABLE, "COLLECTOR_STOPPING", STOPPING, { host_id: peer.name }, 0));
        return;
      }
      const quota = this.#quotas.of(peer.name, performance.now());
      const { streamsMax } = this.#options.tuning().quota;
      if (quota.streams >= streamsMax) {
        metrics.throttled(peer.name, "streams");
        const detail = `${quota.streams} streams of this host are open; ${streamsMax} are allowed`;
        refuse(
          serviceError(status.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED", detail, { host_id: peer.name }, STREAMS_RETRY_MS),
        );
        return;
      }
      const stream = new HostStream(call, peer, quota, this.#options, this.#logger.child({ host: peer.name }), () => {
        this.#streams.delete(stream);
        if (this.#streams.size === 0) this.#emptied();
      });
      this.#streams.add(stream);
    } catch (error) {
      if (!(error instanceof PeerError || error instanceof TypeError)) throw error;
      this.#logger.warn({ peer: call.getPeer(), error: error.message }, "an agent was refused");
      refuse(serviceError(status.PERMISSION_DENIED, "CERTIFICATE_UNSUITABLE", error.message));
    }
  };

  /** Tells all agents which authorities they shall trust. */
  tellTrust(pem: string): void {
    for (const stream of this.#streams) stream.tellTrust(pem);
  }

  /**
   * Asks every agent to go elsewhere and waits until they have gone, at most `deadlineMs`; takes no new ones. Agents go one by one in the
   * first half of that time; the other one is for what is on its way. Gives how many are left.
   */
  async drain(deadlineMs: number): Promise<number> {
    this.#isStopping = true;
    for (const stream of this.#streams) stream.askToStop(deadlineMs / 2);
    if (this.#streams.size === 0) return 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#emptied = resolve;
    const late = setTimeout(resolve, deadlineMs);
    await promise;
    clearTimeout(late);
    return this.#streams.size;
  }

  /** Asks some of the agents, chosen by chance, to look for a collector anew within a while. How many. */
  spread(part: number, spreadMs: number): number {
    let asked = 0;
    for (const stream of this.#streams) {
      if (Math.random() >= part) continue;
      stream.askToMove(spreadMs);
      asked++;
    }
    return asked;
  }

  /** Ends every stream at once; agents connect again. */
  close(): void {
    for (const stream of this.#streams) stream.end();
  }
}
