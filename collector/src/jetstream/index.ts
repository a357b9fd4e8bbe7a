/** NATS JetStream: the only place that knows its client. */
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { headers, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import type { Logger } from "@hosttrail/lib/log";
import { BLOCK_BYTES_MAX } from "@hosttrail/lib/block";
import { metrics } from "../metrics/index.ts";
import type { BlockMessage, TakenBlock } from "../model/index.ts";
import { type GivenUp, onMaxDeliveries } from "./advisories.ts";
import { AlertStream } from "./alerts.ts";
import { AnchorStream } from "./anchor.ts";
import { type BlockStreamsOptions, lagOf, listBlockStreams } from "./blockstreams.ts";
import { type ConnectOptions, openConnection } from "./connect.ts";
import { DeadLetterStream } from "./deadletters.ts";
import { classify } from "./failure.ts";
import { guardTopology } from "./guard.ts";
import { HEADER, headerText } from "./headers.ts";
import { partitionOf } from "./layout.ts";
import { Lease } from "./lease.ts";
import { MatchStream } from "./matches.ts";
import { NotificationStream } from "./notifications.ts";
import { assertConsumer, oldestOf } from "./oldest.ts";
import { PeerSubjects } from "./peers.ts";
import {
  BLOCKS_PREFIX,
  CONFIRM_PREFIX,
  IDENTITY_PREFIX,
  INGEST_SUBJECT,
  RULES_SUBJECT,
  STORE_CONSUMER,
  STORED_PREFIX,
} from "./names.ts";
import { pullBlocks } from "./pull.ts";
import { ensureTopology, missingTopology } from "./topology.ts";
import { problemsOf } from "./versions.ts";

export { applyNats, readNatsClock, surveyNats } from "./administer.ts";
export { type Login, rightsText } from "./rights.ts";
export type { Finding } from "./survey.ts";

export interface JetStreamOptions extends ConnectOptions, Omit<BlockStreamsOptions, "streams" | "placementTags"> {
  publishTimeoutMs: number;
  /** Streams over which partitions are spread where there are none yet; 1 where it is not given. */
  streams?: number;
  placementTags?: readonly string[];
  /** Makes streams and consumers that are missing, as it does where this is not given; else waits until somebody has made them. */
  isManaging?: boolean;
}

/** How often it is looked whether JetStream is ready. */
const READY_RETRY_MS = 500;
/** Room for a message's headers and its subject's. */
const HEADERS_BYTES_MAX = 2048;
/** Digits of an age in milliseconds. */
const AGE_BYTES_MAX = 15;

export class BlockStream {
  /** What is told of alerts. */
  readonly alerts: AlertStream;
  /** The newest checkpoints of the transparency log. */
  readonly anchors: AnchorStream;
  /** Blocks that could not be stored. */
  readonly deadLetters: DeadLetterStream;
  /** What rules found in blocks. */
  readonly matches: MatchStream;
  /** What waits to be told of alerts, and to whom. */
  readonly notifications: NotificationStream;
  /** Words between query processes. */
  readonly peers: PeerSubjects;
  readonly #connection: NatsConnection;
  readonly #client: JetStreamClient;
  readonly #options: JetStreamOptions;
  readonly #closing = new AbortController();
  #limit: number;
  #limitChanged: () => void = () => undefined;

  private constructor(connection: NatsConnection, options: JetStreamOptions) {
    this.#connection = connection;
    this.#client = jetstream(connection, { timeout: options.publishTimeoutMs });
    this.#options = options;
    this.#limit = this.blockBytesMax;
    const { ackWaitMs } = options;
    this.notifications = new NotificationStream(connection, this.#client, { ackWaitMs });
    this.alerts = new AlertStream(connection, this.#client, { ackWaitMs, bytesMax: () => this.blockBytesMax });
    this.matches = new MatchStream(connection, this.#client, ackWaitMs);
    this.anchors = new AnchorStream(connection, this.#client);
    this.deadLetters = new DeadLetterStream(this.#client, () => this.#manager());
    this.peers = new PeerSubjects(connection, options.inboxPrefix ?? "");
  }

  /** What one of all processes has at a time. */
  lease(name: string, timeMs: number): Lease {
    return new Lease(this.#connection, this.#client, name, timeMs);
  }

  /** Connects, waiting for the server where it is not there yet, and makes streams and consumers. */
  static async open(options: JetStreamOptions, logger: Logger): Promise<BlockStream> {
    const stream = new BlockStream(await openConnection(options), options);
    void stream.#watch(logger);
    await stream.#prepare(logger);
    void stream.#guard(logger);
    return stream;
  }

  get #topology(): BlockStreamsOptions & Pick<JetStreamOptions, "isManaging"> {
    return { streams: 1, placementTags: [], ...this.#options };
  }

  async #guard(logger: Logger): Promise<void> {
    const { isManaging = true } = this.#options;
    await guardTopology(
      { manager: () => this.#manager(), options: this.#topology, isManaging },
      this.#closing.signal,
      logger,
    );
  }

  /** JetStream may need a moment after the server takes connections, a cluster one to choose its leader. */
  async #prepare(logger: Logger): Promise<void> {
    const options = this.#topology;
    for (;;) {
      try {
        const manager = await jetstreamManager(this.#connection);
        if (options.isManaging !== false) {
          await ensureTopology(manager, options);
          return;
        }
        const missing = await missingTopology(manager, options);
        if (missing.length === 0) return;
        logger.error({ missing }, "nats.manage is false, and not all is there: run hosttrail-collector nats apply");
      } catch (error) {
        if (this.#connection.isClosed()) throw error;
        logger.warn({ error: String(error) }, "JetStream is not ready");
      }
      await new Promise((resolve) => setTimeout(resolve, READY_RETRY_MS));
    }
  }

  /** Waits for an answer of the server, for as long as it is away. Throws where the connection is closed for good. */
  async ping(): Promise<void> {
    await this.#connection.rtt();
  }

  /** Bytes of a block that the server takes now; it may be set up otherwise when it comes back. */
  get blockBytesMax(): number {
    return (this.#connection.info?.max_payload ?? Number.POSITIVE_INFINITY) - HEADERS_BYTES_MAX;
  }

  async #watch(logger: Logger): Promise<void> {
    this.#checkServer(logger);
    for await (const { type } of this.#connection.status()) {
      if (type === "disconnect" || type === "reconnect") logger.warn({ type }, "NATS");
      if (type !== "reconnect") continue;
      this.#checkServer(logger);
      this.#tellLimit();
    }
  }

  /** Calls back when the server takes larger or smaller blocks than before. */
  onBlockBytesMax(changed: () => void): void {
    this.#limitChanged = changed;
  }

  #tellLimit(): void {
    if (this.blockBytesMax === this.#limit) return;
    this.#limit = this.blockBytesMax;
    this.#limitChanged();
  }

  /** Says it where the server takes less than a block can have, or is known to lose what it acknowledged. */
  #checkServer(logger: Logger): void {
    for (const { what } of problemsOf(this.#connection.info?.version ?? "", this.#options.replicas))
      logger.error({ problem: what }, "nats-server's version");
    const maxPayload = this.#connection.info?.max_payload ?? 0;
    const needed = BLOCK_BYTES_MAX + HEADERS_BYTES_MAX;
    metrics.natsMaxPayload.set(maxPayload);
    if (maxPayload >= needed) return;
    logger.error(
      { maxPayload, needed, blockBytesMax: this.blockBytesMax },
      "NATS takes smaller messages than blocks may need: set max_payload of nats-server to what is needed; larger blocks wait at their hosts",
    );
  }

  /** Blocks that are not stored yet: waiting, or on their way. */
  async lag(): Promise<number> {
    return await lagOf(await this.#manager(), STORE_CONSUMER);
  }

  /** When the oldest of them came, milliseconds since 1970; undefined where there are none. */
  async oldestMs(): Promise<number | undefined> {
    return await oldestOf(await this.#manager(), STORE_CONSUMER);
  }

  /** Throws where blocks are not kept for the role store, or JetStream does not tell. */
  async assertConsumer(): Promise<void> {
    await assertConsumer(await this.#manager(), STORE_CONSUMER);
  }

  #manager(): Promise<JetStreamManager> {
    return jetstreamManager(this.#connection, { checkAPI: false });
  }

  /** Publishes a block's bytes; true if the stream had it already. Errors are retryable or permanent. */
  async publish(block: BlockMessage): Promise<{ duplicate: boolean }> {
    const head = headers();
    head.set(HEADER.host, headerText(block.hostName));
    head.set(HEADER.signer, block.signer);
    if (block.clockOffsetMs !== undefined) head.set(HEADER.clockOffset, String(block.clockOffsetMs));
    const subject = `${BLOCKS_PREFIX}.${partitionOf(block.hostId)}.${block.hostId}`;
    try {
      // Only the same bytes are the same message: another block under this id must reach the store role.
      const msgID = `${block.id}-${block.headerSha256}`;
      const { duplicate } = await this.#client.publish(subject, block.bytes, { msgID, headers: head });
      return { duplicate };
    } catch (error) {
      throw classify(error, "block");
    }
  }

  /**
   * Hands blocks to `take` in batches, one batch at a time, until the signal ends it. However long `take` works, the stream gives its
   * blocks to nobody else: a batch is being worked on, and at most one more waits here.
   */
  async consume(
    options: { batchMax: number; lingerMs: number; signal: AbortSignal; consumer?: "store" | "detect" },
    take: (blocks: TakenBlock[]) => Promise<void>,
    logger: Logger,
  ): Promise<void> {
    const { consumer = STORE_CONSUMER, ...pulling } = options;
    const streams = async (): Promise<string[]> =>
      (await listBlockStreams(await this.#manager())).map(({ config }) => config.name);
    await pullBlocks(
      { client: this.#client, streams, consumer, ackWaitMs: this.#options.ackWaitMs, ...pulling },
      take,
      logger,
    );
  }

  /** Puts a block that cannot be stored where a person finds it, with the reason, and how often it was delivered. */
  async bury(block: BlockMessage, reason: string, detail: string, deliveries = 0): Promise<void> {
    await this.deadLetters.bury(block, reason, detail, deliveries);
  }

  /** Hears of messages that are delivered no more. */
  onMaxDeliveries(take: (given: GivenUp) => void): { close: () => void } {
    return onMaxDeliveries(this.#connection, () => this.#manager(), take);
  }

  /** Tells the ingest node that serves the host, if any, that its blocks are stored. */
  tellStored(hostId: string, notice: Uint8Array): void {
    this.#connection.publish(`${STORED_PREFIX}.${hostId}`, notice);
  }

  /** Listens for what is stored of one host. */
  onStored(hostId: string, take: (notice: Uint8Array) => void): { close: () => void } {
    return this.#subscribe(`${STORED_PREFIX}.${hostId}`, undefined, (_host, data) => take(data));
  }

  /** Asks the store role to tell again which of these blocks are stored: a StoredQuestion. */
  askStored(hostId: string, question: Uint8Array): void {
    this.#connection.publish(`${CONFIRM_PREFIX}.${hostId}`, question);
  }

  /** Serves askStored: one of all store roles gets each question. */
  onAskStored(take: (hostId: string, question: Uint8Array) => void): { close: () => void } {
    return this.#subscribe(`${CONFIRM_PREFIX}.*`, STORE_CONSUMER, take);
  }

  /** Tells all others that take agents that this one does, and for how long it has. */
  tellIngest(processId: string, ageMs: number): void {
    this.#connection.publish(`${INGEST_SUBJECT}.${processId}`, String(Math.round(ageMs)));
  }

  /** `ageMs` is infinite where the word does not tell it. */
  onIngest(take: (processId: string, ageMs: number) => void): { close: () => void } {
    return this.#subscribe(`${INGEST_SUBJECT}.*`, undefined, (processId, data) => {
      const text = new TextDecoder().decode(data.subarray(0, AGE_BYTES_MAX));
      take(processId, /^\d+$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY);
    });
  }

  /** Tells all nodes that a host's identity changed. */
  tellIdentity(hostId: string): void {
    this.#connection.publish(`${IDENTITY_PREFIX}.${hostId}`);
  }

  onIdentity(take: (hostId: string) => void): { close: () => void } {
    return this.#subscribe(`${IDENTITY_PREFIX}.*`, undefined, take);
  }

  /** Tells all nodes that rules, their settings or suppressions changed. Such a word can be lost: whoever needs it looks by itself, too. */
  tellRules(): void {
    this.#connection.publish(RULES_SUBJECT);
  }

  onRules(take: () => void): { close: () => void } {
    return this.#subscribe(RULES_SUBJECT, undefined, () => take());
  }

  /**
   * Sees blocks as they are published, of one host or of all. For watching only: nothing is kept for a listener
   * who is away, and a block that is sent twice is seen twice.
   */
  tap(hostId: string | undefined, take: (bytes: Uint8Array) => void): { close: () => void } {
    return this.#subscribe(`${BLOCKS_PREFIX}.*.${hostId ?? "*"}`, undefined, (_host, data) => take(data));
  }

  #subscribe(
    subject: string,
    queue: string | undefined,
    take: (hostId: string, data: Uint8Array) => void,
  ): { close: () => void } {
    const subscription: Subscription = this.#connection.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, message) => {
        if (error === null) take(message.subject.split(".").at(-1) ?? "", message.data);
      },
    });
    return { close: () => subscription.unsubscribe() };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    // A server that is away takes nothing more.
    if (!this.#connection.isClosed()) await this.#connection.drain().catch(() => this.#connection.close());
  }
}
