/** Agents that send blocks at a rate, and how long each block waits for *received*. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import { sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import type { Event } from "@hosttrail/proto/event";
import { IngestServiceClient, type StreamRequest, type StreamResponse } from "@hosttrail/proto/ingest";
import type { Identity } from "@hosttrail/stack";

const MADE_TO_GUESS = 200;
const NO_HASH = new Uint8Array(0);

export interface AgentOptions {
  port: number;
  ca: Buffer;
  hostId: string;
  identity: Identity;
  /** What all of its blocks have in them, at other times. */
  events: readonly Event[];
  blocksPerSecond: number;
}

/** One host. What it sends is made before, so that making it takes no time while it is measured. */
export class LoadAgent {
  readonly #options: AgentOptions;
  readonly #client: IngestServiceClient;
  readonly #stream: ClientDuplexStream<StreamRequest, StreamResponse>;
  readonly #sign: (bytes: Uint8Array) => Uint8Array;
  readonly #ready: Promise<void>;
  readonly #sentMs: number[] = [];
  readonly #delaysMs: number[] = [];
  readonly #epoch = BigInt(Date.now()) << 16n;
  #prepared: Uint8Array[] = [];
  #startMs = 0;
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

  /**
   * Makes what `run` sends: a block for each of its turns from `startMs` on, for so many seconds. Its events are of the time since the block
   * before: what is detected goes by the times of events, and a host whose events are all of one moment is none that there is.
   */
  prepare(startMs: number, seconds: number): void {
    const { events, blocksPerSecond } = this.#options;
    const intervalNano = Math.round(1e9 / blocksPerSecond);
    const startNano = BigInt(Math.round(startMs)) * 1_000_000n;
    this.#startMs = startMs;
    this.#prepared = Array.from({ length: Math.round(seconds * blocksPerSecond) }, (_, turn) =>
      this.#make(
        events.map((event, at) => {
          const sinceNano = (turn - 1 + (at + 1) / events.length) * intervalNano;
          return {
            ...event,
            event: event.event && { ...event.event, timeUnixNano: startNano + BigInt(Math.round(sinceNano)) },
          };
        }),
      ),
    );
  }

  /** Sends what was prepared, each block when it is its turn, or until it is ended. */
  async run(): Promise<void> {
    await this.#ready;
    const { blocksPerSecond } = this.#options;
    for (const [turn, bytes] of this.#prepared.entries()) {
      await sleep(Math.max(0, this.#startMs + (turn / blocksPerSecond) * 1000 - Date.now()));
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#isEnding) return;
      this.#send(bytes);
    }
    this.#prepared = [];
  }

  /** Sends events by themselves. */
  async sendEvents(events: readonly Event[]): Promise<void> {
    await this.#ready;
    this.#send(this.#make(events));
  }

  #send(bytes: Uint8Array): void {
    this.#sentMs.push(performance.now());
    this.#stream.write({ message: { $case: "block", value: bytes } });
  }

  /** The next block. */
  #make(events: readonly Event[]): Uint8Array {
    const about = { hostId: this.#options.hostId, epoch: this.#epoch, firstSeq: BigInt(this.#seq), bootId: "" };
    const options = { ...about, agentVersion: "bench", flags: 0, previousHeaderSha256: NO_HASH };
    const { bytes } = sealBlock(events, options, nodePrimitives, this.#sign);
    this.#seq += events.length;
    return bytes;
  }

  /** How many milliseconds it takes to make a block, by making some that are never sent. */
  makingMs(): number {
    const [beganMs, seq] = [performance.now(), this.#seq];
    for (let turn = 0; turn < MADE_TO_GUESS; turn++) this.#make(this.#options.events);
    this.#seq = seq;
    return (performance.now() - beganMs) / MADE_TO_GUESS;
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
