/**
 * Takes blocks from agents: checks that header, hash and signature fit the certificate, publishes the bytes as they
 * are, and tells *received* and, when the store role says so, *stored*.
 */
import { type handleBidiStreamingCall, type ServerDuplexStream, type ServiceError, status } from "@grpc/grpc-js";
import type { Logger } from "@hosttrail/lib/log";
import type { StreamRequest, StreamResponse } from "@hosttrail/proto/ingest";
import { PeerError, peerOf, serviceError } from "../serve/index.ts";
import { HostStream, type ReceiveOptions } from "./stream.ts";

type Call = ServerDuplexStream<StreamRequest, StreamResponse>;

/** The streams of all agents on this node. */
export class Receiver {
  readonly #options: ReceiveOptions;
  readonly #logger: Logger;
  readonly #streams = new Set<HostStream>();

  constructor(options: ReceiveOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  readonly stream: handleBidiStreamingCall<StreamRequest, StreamResponse> = (call: Call): void => {
    const refuse = (error: ServiceError): void => void call.emit("error", error);
    try {
      const peer = peerOf(call);
      const stream = new HostStream(call, peer, this.#options, this.#logger.child({ host: peer.name }), () =>
        this.#streams.delete(stream),
      );
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

  /** Asks every agent to go elsewhere, when this node stops. */
  close(): void {
    for (const stream of this.#streams) stream.end();
  }
}
