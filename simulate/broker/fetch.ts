/** Messages of one pull, as the client hands them on. */
import type { SimulatedProcess } from "../schedule/index.ts";
import type { Broker, Pull } from "./index.ts";
import type { Message } from "./stream.ts";

/** Of the connection that it is asked on. */
export interface Asking {
  process: SimulatedProcess;
  broker: Broker;
}

/** After the server's time for it is over, the client waits so long for what is on its way. */
const GRACE_MS = 100;

export interface SimulatedMessages extends AsyncIterable<SimulatedMessage> {
  stop(): void;
}

/** One delivery, as the client shows it. */
export class SimulatedMessage {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: { get(name: string): string };
  readonly info: { deliveryCount: number; streamSequence: number; timestampNanos: number };
  readonly #connection: Asking;
  readonly #from: { stream: string; consumer: string };

  constructor(connection: Asking, from: { stream: string; consumer: string }, message: Message, count: number) {
    this.#connection = connection;
    this.#from = from;
    this.seq = message.sequence;
    this.subject = message.subject;
    this.data = message.bytes;
    this.headers = { get: (name) => message.headers.get(name) ?? "" };
    this.info = {
      deliveryCount: count,
      streamSequence: message.sequence,
      timestampNanos: message.timeMs * 1e6,
    };
  }

  ack(): void {
    this.#say((stream, consumer) => this.#connection.broker.settle(stream, consumer, this.seq));
  }

  term(_reason?: string): void {
    this.ack();
  }

  nak(delayMs = 0): void {
    this.#say((stream, consumer) => this.#connection.broker.refuse(stream, consumer, this.seq, delayMs));
  }

  working(): void {
    this.#say((stream, consumer) => this.#connection.broker.working(stream, consumer, this.seq));
  }

  #say(word: (stream: string, consumer: string) => void): void {
    const { broker, process } = this.#connection;
    process.enterCall();
    broker.later(broker.latencyMs(), undefined, () => {
      if (broker.reaches(process) && !broker.isLost("wordsLost")) word(this.#from.stream, this.#from.consumer);
    });
  }
}

interface FetchOptions {
  stream: string;
  consumer: string;
  max_messages: number;
  expires: number;
}

export function fetchMessages(connection: Asking, options: FetchOptions): SimulatedMessages {
  const { broker, process } = connection;
  const { stream, consumer, max_messages: most, expires } = options;
  const waiting: SimulatedMessage[] = [];
  let left = most;
  let isOver = false;
  let wake: () => void = () => undefined;
  const stop = (): void => {
    isOver = true;
    if (pull !== undefined) pull.isOver = true;
    wake();
  };
  let pull: Pull | undefined;
  process.enterCall();
  broker.later(broker.latencyMs(), undefined, () => {
    if (!broker.reaches(process) || isOver) return;
    pull = { process, stream, consumer, left: most, untilMs: Number.POSITIVE_INFINITY, take, isOver: false };
    broker.later(expires, undefined, () => (pull !== undefined ? (pull.isOver = true) : undefined));
    broker.pull(pull);
  });
  const take = (message: Message, count: number): void => {
    if (isOver) return;
    waiting.push(new SimulatedMessage(connection, { stream, consumer }, message, count));
    left--;
    wake();
  };
  broker.later(expires + GRACE_MS, process, stop);
  return {
    stop,
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const next = waiting.shift();
        if (next !== undefined) yield next;
        else if (isOver || left <= 0) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}
