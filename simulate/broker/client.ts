/** Stands in for @nats-io/transport-node and @nats-io/jetstream: what the product uses of them, over the simulated broker. */
import { JetStreamApiError } from "@nats-io/jetstream";
import type { MsgHdrs } from "@nats-io/transport-node";
import { presentChance } from "../clock/index.ts";
import { runningProcess, type SimulatedProcess } from "../schedule/index.ts";
import { strict } from "../schedule/strict.ts";
import { type Broker, presentBroker } from "./index.ts";
import { fetchMessages, type SimulatedMessages } from "./fetch.ts";
import { type Consumer, type ConsumerConfig, Stream, type StreamConfig } from "./stream.ts";

/** The client's own numbers go on from seed to seed. */
export function createInbox(): string {
  return `_INBOX.${presentChance.now.bytes(11).toString("hex")}`;
}

/** As nats-server's default of max_payload, and what the product asks its operators for. */
const MAX_PAYLOAD = 2 * 1024 * 1024;
const API_TIMEOUT_MS = 5000;
/** Of the server: one of which the product knows no problem. */
const VERSION = "2.14.0";

/** What is sent: the caller may go on writing into its own, and a text is its UTF-8. */
function copyOf(payload: Uint8Array | string): Uint8Array {
  return typeof payload === "string" ? new TextEncoder().encode(payload) : Uint8Array.from(payload);
}

/** A connection, which is there whether the server is up or not. */
export class SimulatedConnection {
  readonly process: SimulatedProcess = runningProcess();
  readonly broker: Broker = presentBroker.now;
  readonly info: { max_payload: number; version: string } = { max_payload: MAX_PAYLOAD, version: VERSION };
  #isClosed = false;

  isClosed(): boolean {
    return this.#isClosed;
  }

  async *status(): AsyncIterable<{ type: string }> {
    const waiting: { type: string }[] = [];
    let wake: () => void = () => undefined;
    this.broker.onStatus(this.process, (type) => {
      waiting.push({ type });
      wake();
    });
    while (!this.#isClosed) {
      const next = waiting.shift();
      if (next === undefined) await new Promise<void>((resolve) => (wake = resolve));
      else yield next;
    }
  }

  publish(subject: string, bytes: Uint8Array | string = ""): void {
    this.process.enterCall();
    const copy = copyOf(bytes);
    this.broker.later(this.broker.latencyMs(), undefined, () => {
      if (this.broker.reaches(this.process) && !this.broker.isLost("wordsLost")) this.broker.say(subject, copy);
    });
  }

  subscribe(
    pattern: string,
    {
      queue,
      callback,
    }: { queue?: string; callback: (error: null, message: { subject: string; data: Uint8Array }) => void },
  ): { unsubscribe: () => void } {
    const take = (subject: string, data: Uint8Array): void => callback(null, { subject, data });
    return { unsubscribe: this.broker.listen({ process: this.process, pattern, queue, take }) };
  }

  /** Asks the server. Rejects in its words, or after the timeout; then nobody knows whether it was done. */
  async ask<Answer>(work: () => Answer, timeoutMs: number = API_TIMEOUT_MS): Promise<Answer> {
    const { broker, process } = this;
    process.enterCall();
    return await new Promise<Answer>((resolve, reject) => {
      const timeout = broker.later(timeoutMs, process, () => reject(new Error("timeout")));
      const attempt = (): void => {
        if (!broker.reaches(process)) {
          // The client sends what it kept when it is connected again.
          if (broker.isKept()) broker.later(1000, undefined, attempt);
          return;
        }
        let answer: () => void;
        try {
          const value = work();
          answer = () => resolve(value);
        } catch (error) {
          answer = () => reject(error);
        }
        if (broker.isLost("answersLost")) return;
        broker.later(broker.latencyMs(), process, () => {
          timeout.cancel();
          answer();
        });
      };
      broker.later(broker.latencyMs(), undefined, attempt);
    });
  }

  async drain(): Promise<void> {
    this.#isClosed = true;
    await Promise.resolve();
  }
}

export function connect(_options: object): Promise<SimulatedConnection> {
  return Promise.resolve(strict(new SimulatedConnection(), "connection"));
}

/** The server's word for what is not there, with the code by which the product knows it. */
function notFound(what: string, code: number): Error {
  return apiError(`${what} not found`, 404, code);
}

function apiError(description: string, code: number, errCode: number): Error {
  return new JetStreamApiError({ code, err_code: errCode, description });
}

interface PublishOptions {
  msgID?: string;
  headers?: MsgHdrs;
  expect?: { lastSubjectSequence?: number };
}

const WRONG_LAST_SEQUENCE = 10_071;

interface SimulatedJetStream {
  publish(
    subject: string,
    bytes: Uint8Array | string,
    options: PublishOptions,
  ): Promise<{ seq: number; duplicate: boolean }>;
  consumers: { get(stream: string, consumer: string): Promise<SimulatedConsumer> };
}

interface SimulatedConsumer {
  fetch(options: { max_messages: number; expires: number }): Promise<SimulatedMessages>;
}

export function jetstream(connection: SimulatedConnection, { timeout }: { timeout: number }): SimulatedJetStream {
  const { broker } = connection;
  return {
    async publish(subject, bytes, { msgID = "", headers, expect }) {
      const kept = new Map((headers?.keys() ?? []).map((key) => [key, headers?.get(key) ?? ""]));
      kept.set("Nats-Msg-Id", msgID);
      const message = { subject, bytes: copyOf(bytes), headers: kept, messageId: msgID };
      const { sequence, duplicate } = await connection.ask(() => {
        const last = broker.streamOf(subject)?.lastOf(subject)?.sequence ?? 0;
        if (expect?.lastSubjectSequence !== undefined && expect.lastSubjectSequence !== last)
          throw apiError(`wrong last sequence: ${last}`, 400, WRONG_LAST_SEQUENCE);
        return broker.publish(message);
      }, timeout);
      return { seq: sequence, duplicate };
    },
    consumers: {
      async get(stream, consumer) {
        await connection.ask(() => {
          if (broker.streams.get(stream)?.consumers.has(consumer) !== true) throw notFound("consumer", 10_014);
        });
        return { fetch: (options) => Promise.resolve(fetchMessages(connection, { stream, consumer, ...options })) };
      },
    },
  };
}

interface StreamState {
  config: StreamConfig;
  state: { messages: number; last_seq: number };
}

interface ConsumerState {
  config: ConsumerConfig;
  num_pending: number;
  num_ack_pending: number;
  ack_floor: { stream_seq: number };
}

interface SimulatedManager {
  getAccountInfo(): Promise<object>;
  streams: {
    list(): AsyncIterable<StreamState>;
    names(subject?: string): AsyncIterable<string>;
    getMessage(name: string, query: { last_by_subj: string }): Promise<{ seq: number; string(): string } | null>;
    info(name: string): Promise<StreamState>;
    add(config: StreamConfig): Promise<void>;
    update(name: string, config: Partial<StreamConfig>): Promise<void>;
    delete(name: string): Promise<boolean>;
  };
  consumers: {
    info(stream: string, name: string): Promise<ConsumerState>;
    add(stream: string, config: ConsumerConfig): Promise<void>;
    update(stream: string, name: string, config: Partial<ConsumerConfig>): Promise<void>;
  };
}

function stateOf({ config, messages, lastSequence }: Stream): StreamState {
  return { config: { ...config }, state: { messages: messages.size, last_seq: lastSequence } };
}

function consumerStateOf({ lastSequence }: Stream, { config, deliveries }: Consumer): ConsumerState {
  const open = [...deliveries.values()].filter(({ deadlineMs }) => deadlineMs !== undefined).length;
  const [least = lastSequence + 1] = deliveries.keys();
  return {
    config: { ...config },
    num_pending: deliveries.size - open,
    num_ack_pending: open,
    ack_floor: { stream_seq: least - 1 },
  };
}

export function jetstreamManager(connection: SimulatedConnection): Promise<SimulatedManager> {
  const { broker } = connection;
  const streamOf = (name: string): Stream => {
    const stream = broker.streams.get(name);
    if (stream === undefined) throw notFound("stream", 10_059);
    return stream;
  };
  const consumerOf = (stream: string, name: string): Consumer => {
    const consumer = streamOf(stream).consumers.get(name);
    if (consumer === undefined) throw notFound("consumer", 10_014);
    return consumer;
  };
  const manager: SimulatedManager = {
    getAccountInfo: () => connection.ask(() => ({})),
    streams: {
      async *names(subject) {
        const streams = await connection.ask(() => [...broker.streams.values()]);
        for (const stream of streams) if (subject === undefined || stream.matches(subject)) yield stream.config.name;
      },
      async *list() {
        yield* await connection.ask(() => Array.from(broker.streams.values(), stateOf));
      },
      getMessage: (name, { last_by_subj: subject }) =>
        connection.ask(() => {
          const found = streamOf(name).lastOf(subject);
          return found === undefined
            ? null
            : { seq: found.sequence, string: () => Buffer.from(found.bytes).toString() };
        }),
      info: (name) => connection.ask(() => stateOf(streamOf(name))),
      add: (config) =>
        connection.ask(() => {
          if (!broker.streams.has(config.name)) broker.streams.set(config.name, new Stream(config));
        }),
      update: (name, config) => connection.ask(() => void Object.assign(streamOf(name).config, config)),
      delete: (name) => connection.ask(() => broker.streams.delete(name)),
    },
    consumers: {
      info: (stream, name) => connection.ask(() => consumerStateOf(streamOf(stream), consumerOf(stream, name))),
      add: (stream, config) =>
        connection.ask(() => {
          const { consumers } = streamOf(stream);
          if (!consumers.has(config.durable_name))
            consumers.set(config.durable_name, { config, deliveries: new Map() });
        }),
      update: (stream, name, config) =>
        connection.ask(() => void Object.assign(consumerOf(stream, name).config, config)),
    },
  };
  const { streams, consumers } = manager;
  return Promise.resolve(
    strict({ ...manager, streams: strict(streams, "streams"), consumers: strict(consumers, "consumers") }, "manager"),
  );
}
