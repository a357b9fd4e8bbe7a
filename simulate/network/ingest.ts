/** Stands in for the generated client of hosttrail.v1.IngestService. */
import { X509Certificate } from "node:crypto";
import { type Metadata, status } from "@grpc/grpc-js";
import { type Canary, type GetCanaryRequest, StreamRequest, StreamResponse } from "@hosttrail/proto/ingest";
import { runningProcess } from "../schedule/index.ts";
import { type CallError, callError, ClientCall, ServerCall } from "./call.ts";
import { type Listener, type Network, presentNetwork } from "./index.ts";

export * from "@hosttrail/proto/ingest";

/** What a collector offers at its address. */
export interface IngestService {
  stream(call: ServerCall<StreamRequest, StreamResponse>): void;
  getCanary(call: UnaryCall, callback: (error: CallError | null, canary?: Canary) => void): void;
  /** Told of each answer before it is on its way. */
  sees(hostId: string, response: StreamResponse): void;
}

interface UnaryCall {
  request: GetCanaryRequest;
  getAuthContext(): { sslPeerCertificate: { raw: Buffer } };
  getPeer(): string;
}

const requests = {
  encode: (message: StreamRequest) => StreamRequest.encode(message).finish(),
  decode: (bytes: Uint8Array) => StreamRequest.decode(bytes),
};
const responses = {
  encode: (message: StreamResponse) => StreamResponse.encode(message).finish(),
  decode: (bytes: Uint8Array) => StreamResponse.decode(bytes),
};
/** DER of certificates by their PEM: to take one apart costs more than all else of a connection. */
const certificates = new Map<string, Buffer>();

function rawOf(pem: Buffer): Buffer {
  const text = pem.toString("latin1");
  let raw = certificates.get(text);
  if (raw === undefined) certificates.set(text, (raw = Buffer.from(new X509Certificate(pem).raw)));
  return raw;
}

export class IngestServiceClient {
  readonly #address: string;
  readonly #certificate: Buffer;
  readonly #network: Network;

  constructor(address: string, { certificate }: { certificate: Buffer }, _options: object) {
    this.#address = address;
    this.#certificate = rawOf(certificate);
    this.#network = presentNetwork.now;
  }

  stream(): ClientCall<StreamRequest, StreamResponse> {
    const process = runningProcess();
    process.enterCall();
    const call = new ClientCall<StreamRequest, StreamResponse>(requests, responses);
    const network = this.#network;
    network.schedule.after(network.latencyMs() * 2, process, "", () => {
      const listener = network.find(this.#address, process.machine);
      if (listener === undefined) call.fail(callError(status.UNAVAILABLE, "No connection established"));
      else this.#accept(call, listener);
    });
    return call;
  }

  #accept(call: ClientCall<StreamRequest, StreamResponse>, { process, service }: Listener): void {
    const connection = this.#network.connect(runningProcess(), process);
    const certificate = this.#certificate;
    call.open(connection);
    const ingest = service as IngestService;
    // What the agent sent first comes after the call itself.
    const server = new ServerCall<StreamRequest, StreamResponse>(connection, requests, responses, certificate);
    const hostId = connection.client.machine.name;
    server.onWrite = (response) => ingest.sees(hostId, response);
    this.#network.schedule.after(0, process, "", () => ingest.stream(server));
  }

  getCanary(
    request: GetCanaryRequest,
    _metadata: Metadata,
    { deadline }: { deadline: number },
    callback: (error: CallError | null, canary?: Canary) => void,
  ): void {
    const network = this.#network;
    const process = runningProcess();
    let isOver = false;
    const finish = (error: CallError | null, canary?: Canary): void => {
      if (!isOver) callback(error, canary);
      isOver = true;
    };
    const late = (): void => finish(callError(status.DEADLINE_EXCEEDED, "no answer in time"));
    network.schedule.after(deadline - Date.now(), process, "", late);
    const listener = network.find(this.#address, process.machine);
    if (listener === undefined) return;
    const raw = this.#certificate;
    const call = {
      request,
      getAuthContext: () => ({ sslPeerCertificate: { raw } }),
      getPeer: () => process.machine.name,
    };
    network.schedule.after(network.latencyMs(), listener.process, "", () =>
      (listener.service as IngestService).getCanary(
        call,
        (error, canary) => void network.schedule.after(network.latencyMs(), process, "", () => finish(error, canary)),
      ),
    );
  }

  close(): void {
    // Its calls end by themselves.
  }
}
