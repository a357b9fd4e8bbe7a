/**
 * Sends blocks to a collector and frees what is stored.
 *
 * States of a block: waiting -> sent (on the stream) -> received (JetStream has it) -> freed (stored). A broken
 * stream, or no word of *stored* for too long, puts it back to waiting: sending twice is harmless, since the
 * block's id is the same. The word *rejected* puts it into the quarantine, from where a person may have it sent again.
 * What the disk does not give, or does not put aside, is put off: it waits again after the same time, on this stream or on the next.
 *
 * States of a stream: opening -> open (welcomed) -> asked to go (goodbye: all goes on for a random while) -> leaving (nothing new is sent,
 * until no block waits for its answer) -> ended. A stream may end from each of them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type ClientDuplexStream, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { BLOCK_BYTES_MAX, BlockError, LINK_WINDOW_MAX, LinkWriter } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { Logger } from "@hosttrail/lib/log";
import {
  type AgentStatus,
  type BlockReference,
  type Canary,
  type Goodbye,
  Goodbye_Reason,
  type Hello,
  type HostProfile,
  IngestServiceClient,
  type StreamRequest,
  type StreamResponse,
  type Welcome,
} from "@hosttrail/proto/ingest";
import { Endpoints, type Leaving } from "./endpoints.ts";
import { failureOf, reasonOf } from "./reason.ts";
import type { Spool, SpooledBlock } from "../spool/index.ts";

export interface ShipOptions {
  /** `host:port` of collectors; one after the other is tried, beginning with any. */
  endpoints: readonly string[];
  /** What TLS needs, PEM; throws where the host has no certificate yet. */
  credentials: () => Promise<{ ca: string; certificate: string; key: string }>;
  /** The collector's authorities have changed. */
  trust: (pem: string) => void;
  /** Another machine has this host's identity. */
  onCloned: () => void;
  hello: () => Hello;
  status: () => AgentStatus;
  statusIntervalMs: number;
  /** As it is now; without it none is told. */
  profile?: () => HostProfile;
  /** Time after which a block that was received but not stored is sent again. */
  storedTimeoutMs: number;
  backoffMinMs: number;
  backoffMaxMs: number;
}

export interface ShipCounters {
  connects: number;
  /** Streams that their collector asked us to leave. */
  goodbyes: number;
  blocksSent: number;
  blocksReceived: number;
  blocksStored: number;
  blocksRejected: number;
  blocksResent: number;
  /** Blocks that are larger than the collector of this stream can take. They stay in the spool. */
  blocksHeld: number;
  eventsSent: number;
  eventsReceived: number;
}

/** Time in which the collector must have answered a question. */
const QUESTION_TIMEOUT_MS = 10_000;

/** A collector that we leave has so long to answer for blocks on their way; then they are sent to the next one. */
const LEAVING_MS_MAX = 10_000;

/** Several addresses of one name are several collectors behind it: any of them, and not all agents to the first one. */
const SERVICE_CONFIG = JSON.stringify({ loadBalancingConfig: [{ pick_first: { shuffleAddressList: true } }] });

/** Milliseconds between two looks at what is on its way, at least. */
const TICK_MS = 1000;

/** ErrorInfo.reason of a collector that has seen two machines with one identity. */
const CLONED = "HOST_CLONED";
/** And of one that could not make out a linked block. */
const LINK_BROKEN = "LINK_BROKEN";

type Stream = ClientDuplexStream<StreamRequest, StreamResponse>;

/** A block that is on its way. */
interface InFlight {
  block: SpooledBlock;
  sentMs: number;
  received: boolean;
}

export class Shipper {
  readonly counters: ShipCounters = {
    connects: 0,
    goodbyes: 0,
    blocksSent: 0,
    blocksReceived: 0,
    blocksStored: 0,
    blocksRejected: 0,
    blocksResent: 0,
    blocksHeld: 0,
    eventsSent: 0,
    eventsReceived: 0,
  };
  readonly #options: ShipOptions;
  readonly #spool: Spool;
  readonly #logger: Logger;
  readonly #inFlight = new Map<string, InFlight>();
  #waiting: SpooledBlock[] = [];
  /** What the disk failed with, and since when. */
  #putOff: { block: SpooledBlock; sinceMs: number }[] = [];
  /** Sent and neither received nor rejected. */
  #unanswered = 0;
  #credit = 0;
  #blockBytesMax = BLOCK_BYTES_MAX;
  #pausedUntilMs = 0;
  readonly #endpoints: Endpoints;
  /** Why the next stream is opened, where the collector of this one asked us to go. */
  #leaving: Leaving = "failed";
  /** Nothing new goes on this stream. */
  #isLeaving = false;
  #leaveTimer: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The collector that the stream is open to, and why there is none. */
  #endpoint = "";
  #lastError = "";
  #stream: Stream | undefined;
  /** The same, and also while it is not welcomed yet. */
  #call: Stream | undefined;
  /** Small blocks of this stream, where its collector takes them linked. */
  #link: LinkWriter | undefined;
  /** The next stream begins without, after one whose link broke. */
  #isLinkDistrusted = false;
  #client: IngestServiceClient | undefined;
  /** That the collector of this stream knows. */
  #profileVersion = "";
  #stopping = false;
  #stop = new AbortController();
  /** The host's end is near: no long pauses between two tries. */
  #isHurried = false;
  /** Ends the pause that goes on. */
  #pause = new AbortController();
  #finished: Promise<void> | undefined;

  constructor(options: ShipOptions, spool: Spool, logger: Logger) {
    this.#options = options;
    this.#endpoints = new Endpoints(options.endpoints);
    this.#spool = spool;
    this.#logger = logger;
  }

  start(): void {
    this.#finished = this.#run();
  }

  /** A block is new in the spool, or was put back into it. */
  offer(block: SpooledBlock): void {
    // Without a stream the spool itself is the queue.
    if (this.#stream === undefined) return;
    this.#waiting.push(block);
    this.#pump();
  }

  /** The host may end at any moment: tries to connect without long pauses, and at once where one goes on. */
  hurry(): void {
    if (this.#isHurried) return;
    this.#isHurried = true;
    this.#pause.abort();
  }

  /** It does not after all. */
  takeTime(): void {
    this.#isHurried = false;
  }

  /** Tells the host's profile to the collector of the stream, where it knows another one. */
  tellProfile(): void {
    const stream = this.#stream;
    if (stream === undefined || stream.writableEnded) return;
    const profile = this.#options.profile?.();
    if (profile === undefined || profile.version === this.#profileVersion) return;
    this.#profileVersion = profile.version;
    stream.write({ message: { $case: "profile", value: profile } });
  }

  /** Whether a collector listens; where none does, why. */
  get connection(): { endpoint: string; error: string } {
    return { endpoint: this.#endpoint, error: this.#lastError };
  }

  /** Asks the collector for a canary of this host. Undefined while it is not stored; throws where nobody answers. */
  async getCanary(nonce: string): Promise<Canary | undefined> {
    const client = this.#client;
    if (client === undefined || this.#stream === undefined)
      throw new Error(`no collector is connected: ${this.#lastError || "still trying"}`);
    return await new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + QUESTION_TIMEOUT_MS };
      client.getCanary({ nonce }, new Metadata(), options, (error, canary) => {
        if (error === null) resolve(canary);
        else if (error.code === status.NOT_FOUND) resolve(undefined);
        else reject(new Error(`the collector ${this.#endpoint} does not tell: ${error.details}`, { cause: error }));
      });
    });
  }

  /** Blocks that the collector has not yet received. */
  get unreceived(): number {
    return this.#stream === undefined ? this.#spool.counters().blocks : this.#waiting.length + this.#unanswered;
  }

  /** Waits until all blocks are received, at most `deadlineMs`, then ends the stream. Safe twice. */
  async close(deadlineMs: number): Promise<void> {
    const end = performance.now() + deadlineMs;
    while (!this.#stopping && this.unreceived > 0 && performance.now() < end) await sleep(20);
    this.#stopping = true;
    this.#stop.abort();
    this.#stream?.end();
    await Promise.race([this.#finished, sleep(500).then(() => this.#call?.cancel())]);
    await this.#finished;
  }

  async #run(): Promise<void> {
    let attempt = 0;
    while (!this.#stopping) {
      const welcomed = await this.#serve(this.#endpoints.current);
      if (this.#stopping) return;
      this.#endpoints.move(this.#leaving);
      attempt = welcomed ? 0 : attempt + 1;
      const ceilingMax = this.#isHurried ? this.#options.backoffMinMs : this.#options.backoffMaxMs;
      const ceiling = Math.min(this.#options.backoffMinMs * 2 ** attempt, ceilingMax);
      // Full jitter: a fleet that lost its collector does not come back as one. Who left when asked to has waited for a random time before.
      const hasLeft = this.#isLeaving && welcomed;
      const delay = hasLeft
        ? Math.random() * this.#options.backoffMinMs
        : this.#options.backoffMinMs + Math.random() * ceiling;
      this.#pause = new AbortController();
      const signal = AbortSignal.any([this.#stop.signal, this.#pause.signal]);
      await sleep(delay, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One stream from start to end; true if the collector welcomed us. */
  async #serve(endpoint: string): Promise<boolean> {
    let tls: Awaited<ReturnType<ShipOptions["credentials"]>>;
    try {
      tls = await this.#options.credentials();
    } catch (error) {
      this.#lastError = error instanceof Error ? error.message : String(error);
      if (!this.#stopping) this.#logger.warn({ error: this.#lastError }, "the host has no certificate yet");
      return false;
    }
    if (this.#stopping) return false;
    const client = new IngestServiceClient(
      endpoint,
      credentials.createSsl(Buffer.from(tls.ca), Buffer.from(tls.key), Buffer.from(tls.certificate)),
      {
        "grpc.keepalive_time_ms": 20_000,
        "grpc.keepalive_timeout_ms": 10_000,
        "grpc.max_send_message_length": BLOCK_BYTES_MAX + 1024,
        // We have our own backoff, with one attempt a turn.
        "grpc.enable_retries": 0,
        // Each turn resolves and connects anew.
        "grpc.use_local_subchannel_pool": 1,
        // No TXT record of the collector's name may configure an agent.
        "grpc.service_config_disable_resolution": 1,
        "grpc.service_config": SERVICE_CONFIG,
      },
    );
    const stream = client.stream();
    this.#call = stream;
    this.#client = client;
    this.#leaving = "failed";
    this.#isLeaving = false;
    let welcomed = false;
    const statusTimer = setInterval(() => {
      if (welcomed && !stream.writableEnded)
        stream.write({ message: { $case: "status", value: this.#options.status() } });
    }, this.#options.statusIntervalMs);
    try {
      await new Promise<void>((resolve) => {
        stream.on("data", (response: StreamResponse) => {
          if (response.message?.$case === "welcome") {
            welcomed = true;
            this.#begin(stream, endpoint, response.message.value);
          } else if (response.message?.$case === "goodbye") this.#goodbye(stream, response.message.value);
          else this.#answer(response);
        });
        stream.on("drain", () => this.#pump());
        stream.on("error", (error) => {
          const failure = failureOf(error, tls.certificate);
          if (!this.#stopping) this.#logger.warn({ endpoint, error: failure }, "the stream to the collector broke");
          this.#lastError = failure;
          const [details] = (error as Partial<ServiceError>).metadata?.get("grpc-status-details-bin") ?? [];
          const reason = Buffer.isBuffer(details) ? reasonOf(details) : undefined;
          if (reason === CLONED) this.#options.onCloned();
          this.#isLinkDistrusted = reason === LINK_BROKEN;
          resolve();
        });
        stream.on("end", () => resolve());
        stream.write({ message: { $case: "hello", value: this.#options.hello() } });
      });
    } finally {
      clearTimeout(this.#timer);
      clearTimeout(this.#leaveTimer);
      this.#timer = undefined;
      this.#leaveTimer = undefined;
      clearInterval(statusTimer);
      this.#stream = undefined;
      this.#call = undefined;
      this.#link = undefined;
      this.#client = undefined;
      this.#endpoint = "";
      this.#inFlight.clear();
      this.#waiting = [];
      this.#putOff = [];
      this.#unanswered = 0;
      stream.cancel();
      client.close();
    }
    return welcomed;
  }

  /** The collector of this stream wants us to go: all goes on until it is our turn. */
  #goodbye(stream: Stream, { reason, spreadMs }: Goodbye): void {
    if (this.#leaving !== "failed" || this.#stopping) return;
    this.counters.goodbyes++;
    this.#leaving = reason === Goodbye_Reason.AGE ? "age" : "stopping";
    const delayMs = Math.random() * spreadMs;
    this.#logger.info({ endpoint: this.#endpoint, why: this.#leaving, delayMs }, "the collector asks to move");
    this.#leaveTimer = setTimeout(() => this.#leave(stream), delayMs);
  }

  #leave(stream: Stream): void {
    this.#isLeaving = true;
    this.#leaveTimer = setTimeout(() => stream.cancel(), LEAVING_MS_MAX);
    this.#endWhereAnswered(stream);
  }

  #endWhereAnswered(stream: Stream): void {
    if (this.#isLeaving && this.#unanswered === 0) stream.end();
  }

  /** All that is not stored goes again: the collector drops what it has. */
  #begin(stream: Stream, endpoint: string, welcome: Welcome): void {
    const { credit, blockBytesMax, linkWindowBytes } = welcome;
    this.counters.connects++;
    this.#stream = stream;
    const isLinked = linkWindowBytes > 0 && linkWindowBytes <= LINK_WINDOW_MAX && !this.#isLinkDistrusted;
    this.#link = isLinked ? new LinkWriter(linkWindowBytes, nodePrimitives) : undefined;
    this.#endpoint = endpoint;
    this.#lastError = "";
    this.#profileVersion = welcome.profileVersion;
    this.#credit = credit;
    this.#blockBytesMax = blockBytesMax || BLOCK_BYTES_MAX;
    this.counters.blocksHeld = 0;
    this.#pausedUntilMs = 0;
    this.#waiting = [...this.#spool.blocks];
    this.#logger.info({ endpoint, credit, waiting: this.#waiting.length }, "connected to the collector");
    this.tellProfile();
    this.#pump();
  }

  #pump(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    if (this.#isLeaving) {
      this.#endWhereAnswered(stream);
      return;
    }
    const pauseMs = this.#pausedUntilMs - performance.now();
    if (pauseMs > 0) {
      this.#tickIn(stream, pauseMs);
      return;
    }
    while (this.#unanswered < this.#credit && !stream.writableNeedDrain) {
      const block = this.#waiting.shift();
      if (block === undefined) return;
      const bytes = this.#read(stream, block);
      if (bytes === undefined) continue;
      if (bytes.length > this.#blockBytesMax) {
        this.#hold(block, bytes.length);
        continue;
      }
      this.#inFlight.set(block.key, { block, sentMs: performance.now(), received: false });
      this.#unanswered++;
      this.#tickIn(stream, this.#options.storedTimeoutMs);
      this.counters.blocksSent++;
      this.counters.eventsSent += block.count;
      const linked = this.#linked(bytes);
      const message: StreamRequest["message"] =
        linked === undefined ? { $case: "block", value: bytes } : { $case: "linkedBlock", value: linked };
      stream.write({ message });
    }
  }

  #linked(bytes: Uint8Array): Uint8Array | undefined {
    try {
      return this.#link?.pack(bytes);
    } catch (error) {
      // Damaged, or of another format: for the collector to say.
      if (error instanceof BlockError) return undefined;
      throw error;
    }
  }

  /** A collector that cannot take so large a block now may later, and so may another one: it stays in the spool until then. */
  #hold(block: SpooledBlock, bytes: number): void {
    const about = { block: block.key, bytes, blockBytesMax: this.#blockBytesMax };
    if (this.counters.blocksHeld++ === 0)
      this.#logger.warn(about, "the collector cannot take so large a block at the moment: it waits in the spool");
  }

  /** The block's bytes; undefined where it was evicted meanwhile or cannot be read now. */
  #read(stream: Stream, block: SpooledBlock): Buffer | undefined {
    if (this.#spool.get(block.epoch, block.firstSeq) === undefined) return undefined;
    try {
      return this.#spool.read(block);
    } catch (error) {
      this.#putOffAfter(stream, block, error, "a block cannot be read from the spool");
      return undefined;
    }
  }

  /** A disk that fails now may not later. Of blocks that are put off together the first one is told. */
  #putOffAfter(stream: Stream, block: SpooledBlock, error: unknown, what: string): void {
    if (this.#putOff.length === 0) this.#logger.error({ block: block.key, error: String(error) }, what);
    this.#putOff.push({ block, sinceMs: performance.now() });
    this.#tickIn(stream, this.#options.storedTimeoutMs);
  }

  #answer({ message }: StreamResponse): void {
    switch (message?.$case) {
      case "received":
        for (const reference of message.value.blocks) this.#received(reference);
        break;
      case "stored":
        for (const reference of message.value.blocks) this.#stored(reference);
        break;
      case "credit":
        this.#credit = message.value.blocks;
        break;
      case "throttle":
        this.#pausedUntilMs = performance.now() + message.value.retryDelayMs;
        // It answers, if only with this: what is on its way has more time.
        for (const flight of this.#inFlight.values()) if (!flight.received) flight.sentMs = performance.now();
        this.#logger.warn({ ...message.value }, "the collector asks to wait");
        break;
      case "trustBundle":
        this.#options.trust(message.value.pem);
        break;
      case "rejected":
        this.#rejected(message.value.block, message.value.reason, message.value.detail);
        break;
      default:
        break;
    }
    this.#pump();
  }

  #find(reference: BlockReference | undefined): InFlight | undefined {
    if (reference === undefined) return undefined;
    const block = this.#spool.get(reference.epoch, reference.firstSeq);
    return block && this.#inFlight.get(block.key);
  }

  #received(reference: BlockReference): void {
    const flight = this.#find(reference);
    if (flight === undefined || flight.received) return;
    flight.received = true;
    this.#unanswered--;
    this.counters.blocksReceived++;
    this.counters.eventsReceived += flight.block.count;
  }

  #stored(reference: BlockReference): void {
    const block = this.#spool.get(reference.epoch, reference.firstSeq);
    if (block === undefined) return;
    this.#settle(block.key);
    this.counters.blocksStored++;
    this.#spool.free(block);
  }

  #rejected(reference: BlockReference | undefined, reason: string, detail: string): void {
    const flight = this.#find(reference);
    this.counters.blocksRejected++;
    this.#logger.error({ block: flight?.block.key, reason, detail }, "the collector rejected a block");
    if (flight === undefined) return;
    this.#settle(flight.block.key);
    try {
      this.#spool.quarantine(flight.block, reason, detail);
    } catch (error) {
      // It waits in the spool, and is refused again.
      if (this.#stream !== undefined)
        this.#putOffAfter(this.#stream, flight.block, error, "a rejected block cannot be put aside yet");
    }
  }

  #settle(key: string): void {
    const flight = this.#inFlight.get(key);
    if (flight === undefined) return;
    if (!flight.received) this.#unanswered--;
    this.#inFlight.delete(key);
  }

  /** A look is only due while blocks are on their way or put off: an idle agent does nothing. */
  #tickIn(stream: Stream, delayMs: number): void {
    this.#timer ??= setTimeout(() => this.#tick(stream), Math.max(delayMs, TICK_MS));
  }

  /** Sends again what was received long ago and never stored. */
  #tick(stream: Stream): void {
    this.#timer = undefined;
    if (this.#stream !== stream) return;
    const now = performance.now();
    for (const [key, flight] of this.#inFlight) {
      if (now - flight.sentMs < this.#options.storedTimeoutMs) continue;
      if (!flight.received) {
        // It takes blocks and says nothing: another stream, perhaps another collector.
        this.#logger.warn({ endpoint: this.#endpoint, block: key }, "the collector does not answer");
        stream.cancel();
        return;
      }
      this.#inFlight.delete(key);
      this.#waiting.push(flight.block);
      this.counters.blocksResent++;
    }
    const due = this.#putOff.filter(({ sinceMs }) => now - sinceMs >= this.#options.storedTimeoutMs);
    if (due.length > 0) this.#putOff = this.#putOff.slice(due.length);
    for (const { block } of due) this.#waiting.push(block);
    if (this.#inFlight.size + this.#putOff.length > 0) this.#tickIn(stream, TICK_MS);
    this.#pump();
  }
}
