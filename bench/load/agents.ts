/** Agents that send blocks at a rate, and how long each block waits for *received*. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import { encodeHeader, sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { Block } from "@hosttrail/proto/block";
import type { Event } from "@hosttrail/proto/event";
import { IngestServiceClient, type StreamRequest, type StreamResponse } from "@hosttrail/proto/ingest";
import type { Identity } from "@hosttrail/stack";

const DOMAIN = Buffer.from("hosttrail-block-v2\0");
const NO_HASH = new Uint8Array(0);

export interface AgentOptions {
  port: number;
  ca: Buffer;
  hostId: string;
  identity: Identity;
  /** What all of its blocks have in them. */
  events: readonly Event[];
  blocksPerSecond: number;
}

/** One host. What it sends differs in its numbers only, so that making it takes no time here. */
export class LoadAgent {
  readonly #options: AgentOptions;
  readonly #client: IngestServiceClient;
  readonly #stream: ClientDuplexStream<StreamRequest, StreamResponse>;
  readonly #sign: (bytes: Uint8Array) => Uint8Array;
  readonly #ready: Promise<void>;
  readonly #sentMs: number[] = [];
  readonly #delaysMs: number[] = [];
  readonly #epoch = BigInt(Date.now()) << 16n;
  #seq = 0;
  #received = 0;
  #isEnding = false;
  #failure: Error | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
    const { identity, ca, port, hostId } = options;
    const [key = "", certificate = ""] = [identity.keyFile, identity.certificateFile].map((file) =>
      readFileSync(file, "utf8"),
    );
    this.#sign = signerOf(key);
    const channel = credentials.createSsl(ca, Buffer.from(key), Buffer.from(certificate));
    this.#client = new IngestServiceClient(`localhost:${port}`, channel, { "grpc.use_local_subchannel_pool": 1 });
    this.#stream = this.#client.stream();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#ready = promise;
    this.#stream.on("data", ({ message }: StreamResponse) => {
      if (message?.$case === "welcome") resolve();
      if (message?.$case === "rejected") this.#failure = new Error(`rejected: ${message.value.detail}`);
      if (message?.$case !== "received") return;
      for (let at = 0; at < message.value.blocks.length; at++)
        this.#delaysMs.push(performance.now() - (this.#sentMs[this.#received++] ?? 0));
    });
    this.#stream.on("error", (error: Error) => {
      if (!this.#isEnding) this.#failure = error;
      reject(error);
    });
    const value = {
      hostId,
      hostName: "load",
      agentVersion: "bench",
      bootId: "b",
      epoch: this.#epoch,
      clockTime: undefined,
    };
    this.#stream.write({ message: { $case: "hello", value } });
  }

  /** Sends at its rate until it is ended. */
  async run(): Promise<void> {
    await this.#ready;
    const { events, blocksPerSecond } = this.#options;
    const make = this.#maker(events);
    const beganMs = performance.now();
    for (let sent = 0; !this.#isEnding; sent++) {
      this.#send(make(), events.length);
      if (this.#failure !== undefined) throw this.#failure;
      await sleep(Math.max(0, ((sent + 1) / blocksPerSecond) * 1000 - (performance.now() - beganMs)));
    }
  }

  /** Sends events by themselves. */
  async sendEvents(events: readonly Event[]): Promise<void> {
    await this.#ready;
    this.#send(this.#maker(events)(), events.length);
  }

  #send(bytes: Uint8Array, events: number): void {
    this.#sentMs.push(performance.now());
    this.#seq += events;
    this.#stream.write({ message: { $case: "block", value: bytes } });
  }

  #maker(events: readonly Event[]): () => Uint8Array {
    const { hostId } = this.#options;
    const about = { hostId, epoch: this.#epoch, firstSeq: 0n, bootId: "", agentVersion: "bench", flags: 0 };
    const sealed = sealBlock(events, { ...about, previousHeaderSha256: NO_HASH }, nodePrimitives, this.#sign);
    const block = Block.decode(sealed.bytes);
    return () => {
      const header = encodeHeader({ ...sealed.header, firstSeq: BigInt(this.#seq) });
      return Block.encode({ ...block, header, signature: this.#sign(Buffer.concat([DOMAIN, header])) }).finish();
    };
  }

  /** Milliseconds from sending to *received* since the last time that this was asked. */
  takeDelays(): number[] {
    return this.#delaysMs.splice(0);
  }

  get unanswered(): number {
    return this.#sentMs.length - this.#received;
  }

  end(): void {
    this.#isEnding = true;
    this.#stream.end();
    this.#client.close();
  }
}
