/** NATS JetStream: the only place that knows its client. */
import {
  type ConsumerMessages,
  type JetStreamClient,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from "@nats-io/jetstream";
import { connect, credsAuthenticator, headers, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import type { Logger } from "@hosttrail/lib/log";
import { type BlockMessage, PermanentError, RetryableError, type TakenBlock } from "../model/index.ts";
import { serversOf } from "./login.ts";
import {
  BLOCKS,
  CONFIRM_PREFIX,
  DEAD,
  ensureTopology,
  IDENTITY_PREFIX,
  partitionOf,
  STORED_PREFIX,
  type TopologyOptions,
} from "./topology.ts";

export interface JetStreamOptions extends TopologyOptions {
  servers: string[];
  /** Content of a NATS credentials file, or empty. */
  credentials: string;
  publishTimeoutMs: number;
}

const HEADER = {
  host: "Hosttrail-Host-Name",
  signer: "Hosttrail-Signer",
  reason: "Hosttrail-Reason",
  clockOffset: "Hosttrail-Clock-Offset",
} as const;
const CONNECT_RETRY_MS = 500;

export class BlockStream {
  readonly #connection: NatsConnection;
  readonly #client: JetStreamClient;
  readonly #options: JetStreamOptions;

  private constructor(connection: NatsConnection, options: JetStreamOptions) {
    this.#connection = connection;
    this.#client = jetstream(connection, { timeout: options.publishTimeoutMs });
    this.#options = options;
  }

  /** Connects, waiting for the server where it is not there yet, and makes streams and consumers. */
  static async open(options: JetStreamOptions, logger: Logger): Promise<BlockStream> {
    const { servers, login } = serversOf(options.servers);
    const connection = await connect({
      servers,
      name: "hosttrail-collector",
      maxReconnectAttempts: -1,
      reconnectTimeWait: CONNECT_RETRY_MS,
      waitOnFirstConnect: true,
      ignoreAuthErrorAbort: true,
      ...login,
      ...(options.credentials === ""
        ? {}
        : { authenticator: credsAuthenticator(new TextEncoder().encode(options.credentials)) }),
    });
    void logStatus(connection, logger);
    const stream = new BlockStream(connection, options);
    await stream.#prepare(logger);
    return stream;
  }

  /** JetStream may need a moment after the server takes connections, a cluster one to choose its leader. */
  async #prepare(logger: Logger): Promise<void> {
    for (;;) {
      try {
        await ensureTopology(await jetstreamManager(this.#connection), this.#options);
        return;
      } catch (error) {
        if (this.#connection.isClosed()) throw error;
        logger.warn({ error: String(error) }, "JetStream is not ready");
        await new Promise((resolve) => setTimeout(resolve, CONNECT_RETRY_MS));
      }
    }
  }

  get connected(): boolean {
    return !this.#connection.isClosed();
  }

  /** Blocks that are not stored yet: waiting, or on their way. */
  async lag(): Promise<number> {
    const manager = await jetstreamManager(this.#connection, { checkAPI: false });
    const { num_pending: waiting, num_ack_pending: taken } = await manager.consumers.info(
      BLOCKS.stream,
      BLOCKS.consumer,
    );
    return waiting + taken;
  }

  /** Publishes a block's bytes; true if the stream had it already. Errors are retryable or permanent. */
  async publish(block: BlockMessage): Promise<{ duplicate: boolean }> {
    const head = headers();
    head.set(HEADER.host, headerText(block.hostName));
    head.set(HEADER.signer, block.signer);
    const subject = `${BLOCKS.prefix}.${partitionOf(block.hostId)}.${block.hostId}`;
    try {
      // Only the same bytes are the same message: another block under this id must reach the store role.
      const msgID = `${block.id}-${block.headerSha256}`;
      const { duplicate } = await this.#client.publish(subject, block.bytes, { msgID, headers: head });
      return { duplicate };
    } catch (error) {
      throw classify(error);
    }
  }

  /** Hands blocks to `take` in batches, one batch at a time, until the signal ends it. */
  async consume(
    options: { batchMax: number; lingerMs: number; signal: AbortSignal },
    take: (blocks: TakenBlock[]) => Promise<void>,
    logger: Logger,
  ): Promise<void> {
    while (!options.signal.aborted) {
      try {
        const consumer = await this.#client.consumers.get(BLOCKS.stream, BLOCKS.consumer);
        const messages = await consumer.consume({ max_messages: options.batchMax * 2, expires: 5000 });
        const stop = (): void => messages.stop();
        options.signal.addEventListener("abort", stop, { once: true });
        await this.#takeAll(messages, options, take);
        options.signal.removeEventListener("abort", stop);
      } catch (error) {
        if (options.signal.aborted) return;
        logger.warn({ error: String(error) }, "consuming blocks was interrupted");
        await new Promise((resolve) => setTimeout(resolve, CONNECT_RETRY_MS));
      }
    }
  }

  async #takeAll(
    messages: ConsumerMessages,
    options: { batchMax: number; lingerMs: number },
    take: (blocks: TakenBlock[]) => Promise<void>,
  ): Promise<void> {
    let batch: TakenBlock[] = [];
    let timer: NodeJS.Timeout | undefined;
    let working: Promise<void> = Promise.resolve();
    let failure: unknown;
    const flush = (): void => {
      clearTimeout(timer);
      timer = undefined;
      const blocks = batch;
      batch = [];
      if (blocks.length > 0) {
        working = working
          .then(() => take(blocks))
          .catch((error: unknown) => {
            failure = error;
            messages.stop();
          });
      }
    };
    for await (const message of messages) {
      batch.push(takenBlock(message));
      if (batch.length >= options.batchMax) {
        flush();
        // The next messages wait in the client, bounded by max_messages.
        await working;
      } else timer ??= setTimeout(flush, options.lingerMs);
    }
    flush();
    await working;
    if (failure !== undefined) throw failure;
  }

  /** Puts a block that cannot be stored where a person finds it, with the reason. */
  async bury(block: BlockMessage, reason: string, detail: string): Promise<void> {
    const head = headers();
    head.set(HEADER.host, headerText(block.hostName));
    head.set(HEADER.signer, block.signer);
    head.set(HEADER.reason, headerText(`${reason}: ${detail}`));
    const subject = `${DEAD.prefix}.${reason}.${block.hostId}`;
    await this.#client.publish(subject, block.bytes, {
      msgID: `${block.id}-${block.headerSha256} ${reason}`,
      headers: head,
    });
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
    return this.#subscribe(`${CONFIRM_PREFIX}.*`, BLOCKS.consumer, take);
  }

  /** Tells all nodes that a host's identity changed. */
  tellIdentity(hostId: string): void {
    this.#connection.publish(`${IDENTITY_PREFIX}.${hostId}`);
  }

  onIdentity(take: (hostId: string) => void): { close: () => void } {
    return this.#subscribe(`${IDENTITY_PREFIX}.*`, undefined, take);
  }

  /**
   * Sees blocks as they are published, of one host or of all. For watching only: nothing is kept for a listener
   * who is away, and a block that is sent twice is seen twice.
   */
  tap(hostId: string | undefined, take: (bytes: Uint8Array) => void): { close: () => void } {
    return this.#subscribe(`${BLOCKS.prefix}.*.${hostId ?? "*"}`, undefined, (_host, data) => take(data));
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
    if (!this.#connection.isClosed()) await this.#connection.drain();
  }
}

async function logStatus(connection: NatsConnection, logger: Logger): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === "disconnect" || status.type === "reconnect") logger.warn({ type: status.type }, "NATS");
  }
}

/** Characters of a block's id, which begins a message's; behind it and a dash stands the hash of its header. */
const BLOCK_ID_LENGTH = 66;

function takenBlock(message: JsMsg): TakenBlock {
  const messageId = message.headers?.get("Nats-Msg-Id") ?? "";
  const offset = Number.parseInt(message.headers?.get(HEADER.clockOffset) ?? "", 10);
  return {
    message: {
      id: messageId.slice(0, BLOCK_ID_LENGTH),
      headerSha256: messageId.slice(BLOCK_ID_LENGTH + 1),
      hostId: message.subject.split(".").at(-1) ?? "",
      hostName: message.headers?.get(HEADER.host) ?? "",
      signer: message.headers?.get(HEADER.signer) ?? "",
      ...(Number.isNaN(offset) ? {} : { clockOffsetMs: offset }),
      bytes: message.data,
    },
    receivedMs: Math.floor(message.info.timestampNanos / 1e6),
    deliveries: message.info.deliveryCount,
    ack: () => message.ack(),
    retry: (delayMs) => message.nak(delayMs),
    working: () => message.working(),
    terminate: (reason) => message.term(reason),
  };
}

/** Header values are one line of text. */
function headerText(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 256);
}

const FULL_RETRY_MS = 5000;
const UNREADY_RETRY_MS = 500;

/** What the server's refusal means: a full stream asks to slow down, a missing leader to wait, a huge message is final. */
function classify(error: unknown): Error {
  const text = String(error);
  if (/max_payload|maximum payload/i.test(text)) return new PermanentError(text);
  if (/maximum bytes exceeded|maximum messages exceeded|resource limits/i.test(text)) {
    return new RetryableError("the stream of blocks is full", FULL_RETRY_MS, { cause: error });
  }
  return new RetryableError(`JetStream did not take the block: ${text}`, UNREADY_RETRY_MS, { cause: error });
}
