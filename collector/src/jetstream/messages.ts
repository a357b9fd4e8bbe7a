/** Takes messages one by one, several at once, and keeps each of them from being given to somebody else until it is settled. */
import { setTimeout as sleep } from "node:timers/promises";
import type { JetStreamClient, JsMsg } from "@nats-io/jetstream";
import type { Logger } from "@hosttrail/lib/log";
import type { TakenMessage } from "../model/index.ts";

export interface MessageConsumption {
  stream: string;
  consumer: string;
  /** Messages that are worked on at once. */
  concurrency: number;
  ackWaitMs: number;
  signal: AbortSignal;
}

/** Time that one request for messages stays open. */
const PULL_MS = 5000;
const INTERRUPTED_MS = 500;
/** A message whose work failed without a word comes again after this time. */
const FAILED_MS = 1000;

/**
 * Hands messages to `take` until the signal ends it, then waits for those that are under way. A message that `take` leaves unsettled,
 * or throws for, comes again.
 */
export async function consumeMessages(
  client: JetStreamClient,
  options: MessageConsumption,
  take: (message: TakenMessage) => Promise<void>,
  logger: Logger,
): Promise<void> {
  const open = new Set<JsMsg>();
  const works = new Set<Promise<void>>();
  const alive = setInterval(() => {
    for (const message of open) message.working();
  }, options.ackWaitMs / 3);
  const begin = (message: JsMsg): void => {
    open.add(message);
    const work = workOn(message, open, take, logger).finally(() => works.delete(work));
    works.add(work);
  };
  try {
    while (!options.signal.aborted) {
      try {
        await pull(client, options, works, begin);
      } catch (error) {
        if (options.signal.aborted) break;
        logger.warn({ error: String(error), stream: options.stream }, "consuming messages was interrupted");
        await sleep(INTERRUPTED_MS, undefined, { signal: options.signal }).catch(() => undefined);
      }
    }
    await Promise.all(works);
  } finally {
    clearInterval(alive);
  }
}

async function pull(
  client: JetStreamClient,
  { stream, consumer: name, concurrency, signal }: MessageConsumption,
  works: ReadonlySet<Promise<void>>,
  begin: (message: JsMsg) => void,
): Promise<void> {
  const consumer = await client.consumers.get(stream, name);
  while (!signal.aborted) {
    // Only as many as have room, so that none waits in the client, where nobody keeps it.
    while (works.size >= concurrency) await Promise.race(works);
    const messages = await consumer.fetch({ max_messages: concurrency - works.size, expires: PULL_MS });
    const stop = (): void => messages.stop();
    signal.addEventListener("abort", stop, { once: true });
    try {
      for await (const message of messages) begin(message);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}

async function workOn(
  message: JsMsg,
  open: Set<JsMsg>,
  take: (message: TakenMessage) => Promise<void>,
  logger: Logger,
): Promise<void> {
  // Settled once: what comes after it says nothing.
  const settle = (how: () => void): void => {
    if (open.delete(message)) how();
  };
  try {
    await take({
      subject: message.subject,
      sequence: message.seq,
      receivedMs: Math.floor(message.info.timestampNanos / 1e6),
      deliveries: message.info.deliveryCount,
      bytes: message.data,
      ack: () => settle(() => message.ack()),
      retry: (delayMs) => settle(() => message.nak(delayMs)),
      terminate: (reason) => settle(() => message.term(reason)),
    });
  } catch (error) {
    logger.error({ error: String(error), subject: message.subject }, "working on a message failed");
  } finally {
    settle(() => message.nak(FAILED_MS));
  }
}
