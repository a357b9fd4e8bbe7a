/** A JetStream stream with its consumers, as the server has them. */
import type { Random } from "../schedule/index.ts";

export interface Message {
  sequence: number;
  subject: string;
  bytes: Uint8Array;
  headers: ReadonlyMap<string, string>;
  messageId: string;
  /** By the server's clock, milliseconds since 1970. */
  timeMs: number;
}

/** What the product sets of a stream; as in the NATS API. */
export interface StreamConfig {
  name: string;
  subjects: string[];
  retention: string;
  discard: string;
  max_bytes: number;
  duplicate_window: number;
  max_msgs_per_subject?: number;
}

export interface ConsumerConfig {
  durable_name: string;
  ack_wait: number;
  inactive_threshold?: number;
}

/** What a consumer knows of a message that is not acknowledged. */
interface Delivery {
  count: number;
  /** Undefined while it waits to be delivered. */
  deadlineMs: number | undefined;
  /** Not again before then. */
  notBeforeMs: number;
}

export interface Consumer {
  config: ConsumerConfig;
  deliveries: Map<number, Delivery>;
}

const NANOS_OF_MS = 1_000_000;

export class Stream {
  readonly config: StreamConfig;
  readonly messages: Map<number, Message> = new Map();
  readonly consumers: Map<string, Consumer> = new Map();
  readonly #recent = new Map<string, { sequence: number; timeMs: number }>();
  #bytes = 0;
  #lastSequence = 0;
  /** As the disk has it. */
  #synced: Message[] = [];

  constructor(config: StreamConfig) {
    this.config = config;
  }

  get lastSequence(): number {
    return this.#lastSequence;
  }

  matches(subject: string): boolean {
    return this.config.subjects.some((pattern) => covers(pattern, subject));
  }

  /** Keeps a message, unless the same came lately. Throws an Error in the server's words where there is no room. */
  add(message: Omit<Message, "sequence">): { sequence: number; duplicate: boolean } {
    const windowMs = this.config.duplicate_window / NANOS_OF_MS;
    const before = this.#recent.get(message.messageId);
    if (message.messageId !== "" && before !== undefined && message.timeMs - before.timeMs < windowMs)
      return { sequence: before.sequence, duplicate: true };
    if (this.#bytes + message.bytes.length > this.config.max_bytes) {
      if (this.config.discard === "new") throw new Error("maximum bytes exceeded");
      for (const [oldest] of this.messages) {
        if (this.#bytes + message.bytes.length <= this.config.max_bytes) break;
        this.#remove(oldest);
      }
    }
    const sequence = ++this.#lastSequence;
    if (message.messageId !== "") this.#recent.set(message.messageId, { sequence, timeMs: message.timeMs });
    if (this.config.retention === "interest" && this.consumers.size === 0) return { sequence, duplicate: false };
    const { max_msgs_per_subject: most = -1 } = this.config;
    if (most > 0) {
      const others = [...this.messages.values()].filter(({ subject }) => subject === message.subject);
      for (const { sequence: oldest } of others.slice(0, Math.max(0, others.length + 1 - most))) this.#remove(oldest);
    }
    this.messages.set(sequence, { ...message, sequence });
    this.#bytes += message.bytes.length;
    for (const { deliveries } of this.consumers.values())
      deliveries.set(sequence, { count: 0, deadlineMs: undefined, notBeforeMs: 0 });
    return { sequence, duplicate: false };
  }

  /** The newest message of a subject. */
  lastOf(subject: string): Message | undefined {
    return [...this.messages.values()].findLast((message) => message.subject === subject);
  }

  /** A consumer is done with a message. */
  settle(consumer: string, sequence: number): void {
    this.consumers.get(consumer)?.deliveries.delete(sequence);
    const isWanted = Array.from(this.consumers.values()).some(({ deliveries }) => deliveries.has(sequence));
    if (!isWanted && this.config.retention !== "limits") this.#remove(sequence);
  }

  #remove(sequence: number): void {
    const message = this.messages.get(sequence);
    if (message === undefined) return;
    this.#bytes -= message.bytes.length;
    this.messages.delete(sequence);
    for (const { deliveries } of this.consumers.values()) deliveries.delete(sequence);
  }

  /** All until now is on the disk. */
  sync(): void {
    this.#synced = [...this.messages.values()];
  }

  /**
   * The server's machine lost its power. Of what was not synced the first ones may be there; of what was taken away since, some is there again.
   * Which messages came lately is known by those that are there.
   */
  losePower(random: Random, nowMs: number): void {
    const now = [...this.messages.values()];
    const synced = new Set(this.#synced.map(({ sequence }) => sequence));
    const fresh = now.filter(({ sequence }) => !synced.has(sequence));
    const back = this.#synced.filter(({ sequence }) => !this.messages.has(sequence) && random.chance(0.5));
    const kept = now.filter(({ sequence }) => synced.has(sequence));
    this.#restore([...kept, ...back, ...fresh.slice(0, random.whole(0, fresh.length))], nowMs);
  }

  /** Damage on its disk: some messages are gone. */
  loseSome(random: Random, share: number, nowMs: number): void {
    this.#restore(
      [...this.messages.values()].filter(() => !random.chance(share)),
      nowMs,
    );
  }

  #restore(messages: Message[], nowMs: number): void {
    const counts = new Map(Array.from(this.consumers, ([name, { deliveries }]) => [name, deliveries] as const));
    this.messages.clear();
    this.#recent.clear();
    this.#bytes = 0;
    for (const message of messages.toSorted((a, b) => a.sequence - b.sequence)) {
      this.messages.set(message.sequence, message);
      this.#bytes += message.bytes.length;
      if (message.messageId !== "" && nowMs - message.timeMs < this.config.duplicate_window / NANOS_OF_MS)
        this.#recent.set(message.messageId, { sequence: message.sequence, timeMs: message.timeMs });
    }
    for (const [name, consumer] of this.consumers) {
      consumer.deliveries = new Map();
      for (const sequence of this.messages.keys()) {
        const count = counts.get(name)?.get(sequence)?.count ?? 0;
        consumer.deliveries.set(sequence, { count, deadlineMs: undefined, notBeforeMs: 0 });
      }
    }
    this.sync();
  }

  /** The next message that a consumer may be given, if any. */
  next(consumer: Consumer, nowMs: number): Message | undefined {
    for (const [sequence, delivery] of consumer.deliveries) {
      if (delivery.notBeforeMs > nowMs || (delivery.deadlineMs !== undefined && delivery.deadlineMs > nowMs)) continue;
      delivery.count++;
      delivery.deadlineMs = nowMs + consumer.config.ack_wait / NANOS_OF_MS;
      return this.messages.get(sequence);
    }
    return undefined;
  }
}

/** Whether a subject is one of a pattern of NATS. */
export function covers(pattern: string, subject: string): boolean {
  const [wanted, given] = [pattern.split("."), subject.split(".")];
  for (const [at, part] of wanted.entries()) {
    if (part === ">") return given.length > at;
    if (at >= given.length || (part !== "*" && part !== given[at])) return false;
  }
  return wanted.length === given.length;
}
