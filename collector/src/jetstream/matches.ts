/** What rules found in blocks, on its way from those who match to the one who alerts. */
import { DeliverPolicy, type JetStreamClient, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Logger } from "@hosttrail/lib/log";
import { areSettled, lagOf, listBlockStreams, type NewestBlocks, newestBlocks, presentOf } from "./blockstreams.ts";
import { assertConsumer, oldestOf } from "./oldest.ts";
import { ensureConsumer } from "./ensure.ts";
import { classify } from "./failure.ts";
import { partitionsOf } from "./layout.ts";
import { DETECT_CONSUMER, MATCHES, STORE_CONSUMER } from "./names.ts";
import { detectConsumer } from "./plan.ts";

/** A message of the stream, at its place in it. */
export interface SequencedMessage {
  sequence: bigint;
  bytes: Uint8Array;
}

/** Where other messages have the host's id. */
const LOOKED = "looked";
const RETRY_MS = 500;
/** Messages that wait here to be taken, at most, and those that are taken together. */
const WAITING_MAX = 2000;
const TAKEN_MAX = 500;
const TAKEN_BYTES_MAX = 512 * 1024;
const PREFETCH = 500;

export class MatchStream {
  readonly #connection: NatsConnection;
  readonly #client: JetStreamClient;
  readonly #ackWaitMs: number;

  constructor(connection: NatsConnection, client: JetStreamClient, ackWaitMs: number) {
    this.#connection = connection;
    this.#client = client;
    this.#ackWaitMs = ackWaitMs;
  }

  /**
   * Makes the consumer of those who match, on each stream of blocks where it is not there. The server ends it when nobody asked for blocks for `awayMs`: then
   * blocks need not wait for detection any more. True where it was made now.
   */
  async prepareMatching(awayMs: number): Promise<boolean> {
    const manager = await jetstreamManager(this.#connection);
    const plan = detectConsumer({ ackWaitMs: this.#ackWaitMs, awayMs });
    let isNew = false;
    for (const info of await listBlockStreams(manager)) {
      // What takes no blocks any more has those of before, which nobody waits for where there is no consumer.
      if (partitionsOf(presentOf(info)).length === 0) continue;
      if (await ensureConsumer(manager, info.config.name, plan)) isNew = true;
    }
    return isNew;
  }

  /** Ends that consumer: blocks pass detection by until it is made again. */
  async endMatching(): Promise<void> {
    const manager = await jetstreamManager(this.#connection);
    for (const { config } of await listBlockStreams(manager))
      await manager.consumers.delete(config.name, DETECT_CONSUMER);
  }

  /** The same under the same id is no second message, for some minutes. Errors are retryable. */
  async publishMatches(hostId: string, bytes: Uint8Array, id: string): Promise<void> {
    try {
      await this.#client.publish(`${MATCHES.prefix}.${hostId}`, bytes, { msgID: id });
    } catch (error) {
      throw classify(error, "match");
    }
  }

  /** Which blocks were looked at, in the same stream. Errors are retryable. */
  async publishLooked(bytes: Uint8Array): Promise<void> {
    try {
      await this.#client.publish(`${MATCHES.prefix}.${LOOKED}`, bytes);
    } catch (error) {
      throw classify(error, "match");
    }
  }

  /** Bytes of a message that the server takes. */
  get messageBytesMax(): number {
    return this.#connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Hands out messages from a place on, in their order and some at a time, until the signal ends it. Nothing is acknowledged: who takes
   * them knows how far it is. Throws what `take` throws.
   */
  async followMatches(
    { from, signal }: { from: bigint; signal: AbortSignal },
    take: (messages: SequencedMessage[]) => Promise<void>,
    logger: Logger,
  ): Promise<void> {
    const following = new Following(take, from, signal);
    const working = following.work();
    // It is waited for below; until then nobody is told.
    working.catch(() => undefined);
    while (!signal.aborted && !following.hasFailed) {
      try {
        await this.#read(following, signal);
      } catch (error) {
        if (signal.aborted) break;
        logger.warn({ error: String(error) }, "following matches was interrupted");
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    following.end();
    await working;
  }

  async #read(following: Following, signal: AbortSignal): Promise<void> {
    const consumer = await this.#client.consumers.get(MATCHES.stream, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: Number(following.next),
    });
    const messages = await consumer.consume({ max_messages: PREFETCH });
    const stop = (): void => messages.stop();
    signal.addEventListener("abort", stop, { once: true });
    following.onFailure = stop;
    try {
      for await (const message of messages) {
        await following.add({ sequence: BigInt(message.seq), bytes: message.data });
        if (following.hasFailed) break;
      }
    } finally {
      signal.removeEventListener("abort", stop);
      await messages.close();
    }
  }

  /** Forgets messages up to this place: whoever alerts has them. */
  async forgetMatches(upTo: bigint): Promise<void> {
    const manager = await jetstreamManager(this.#connection, { checkAPI: false });
    await manager.streams.purge(MATCHES.stream, { seq: Number(upTo) + 1 });
  }

  /** Places of the first message that is there and of the last one that was published. */
  async matchesRange(): Promise<{ first: bigint; last: bigint }> {
    const manager = await jetstreamManager(this.#connection, { checkAPI: false });
    const { state } = await manager.streams.info(MATCHES.stream);
    return { first: BigInt(state.first_seq), last: BigInt(state.last_seq) };
  }

  /** The newest block of each stream now. */
  async newestBlocks(): Promise<NewestBlocks> {
    return await newestBlocks(await jetstreamManager(this.#connection, { checkAPI: false }));
  }

  /** True when the role store has settled all blocks up to these. */
  async areStored(newest: NewestBlocks): Promise<boolean> {
    return await areSettled(await jetstreamManager(this.#connection, { checkAPI: false }), STORE_CONSUMER, newest);
  }

  /** True when those who match have settled all blocks up to these. */
  async areMatched(newest: NewestBlocks): Promise<boolean> {
    return await areSettled(await jetstreamManager(this.#connection, { checkAPI: false }), DETECT_CONSUMER, newest);
  }

  /** Blocks that rules were not held against yet. */
  async lag(): Promise<number> {
    return await lagOf(await jetstreamManager(this.#connection, { checkAPI: false }), DETECT_CONSUMER);
  }

  /** When the oldest of them came, milliseconds since 1970; undefined where there are none. */
  async oldestMs(): Promise<number | undefined> {
    return await oldestOf(await jetstreamManager(this.#connection, { checkAPI: false }), DETECT_CONSUMER);
  }

  /** Throws where blocks do not wait for those who match, or JetStream does not tell. */
  async assertConsumer(): Promise<void> {
    await assertConsumer(await jetstreamManager(this.#connection, { checkAPI: false }), DETECT_CONSUMER);
  }
}

/** Messages between who reads and who takes them. */
class Following {
  readonly #take: (messages: SequencedMessage[]) => Promise<void>;
  readonly #signal: AbortSignal;
  #waiting: SequencedMessage[] = [];
  #wake: () => void = () => undefined;
  #room: () => void = () => undefined;
  #isEnded = false;
  /** The message to read next. */
  next: bigint;
  hasFailed = false;
  onFailure: () => void = () => undefined;

  constructor(take: (messages: SequencedMessage[]) => Promise<void>, from: bigint, signal: AbortSignal) {
    this.#take = take;
    this.next = from;
    this.#signal = signal;
  }

  /** Resolves when there is room for one more. */
  async add(message: SequencedMessage): Promise<void> {
    // One that comes again after an interruption.
    if (message.sequence < this.next) return;
    this.next = message.sequence + 1n;
    this.#waiting.push(message);
    this.#wake();
    while (this.#waiting.length >= WAITING_MAX && !this.#isEnded && !this.hasFailed)
      await new Promise<void>((resolve) => {
        this.#room = resolve;
      });
  }

  async work(): Promise<void> {
    try {
      while (!this.#signal.aborted) {
        if (this.#waiting.length === 0) {
          if (this.#isEnded) return;
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          continue;
        }
        const messages = this.#waiting.splice(0, this.#together());
        this.#room();
        await this.#take(messages);
      }
    } catch (error) {
      this.hasFailed = true;
      this.#room();
      this.onFailure();
      throw error;
    }
  }

  /** How many are taken together: at least one. */
  #together(): number {
    let bytes = 0;
    const at = this.#waiting.findIndex((message) => (bytes += message.bytes.length) > TAKEN_BYTES_MAX);
    return Math.min(at === -1 ? this.#waiting.length : Math.max(1, at), TAKEN_MAX);
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
    this.#room();
  }
}
