/** Takes blocks from all their streams, those that are made later as well. */
import { setTimeout as sleep } from "node:timers/promises";
import { type JetStreamClient, JetStreamApiError } from "@nats-io/jetstream";
import type { Logger } from "@hosttrail/lib/log";
import type { TakenBlock } from "../model/index.ts";
import { STREAM_NOT_FOUND } from "./ensure.ts";
import { Gathering } from "./gathering.ts";

export interface Pulling {
  client: JetStreamClient;
  /** Names of the streams that there are. */
  streams: () => Promise<string[]>;
  consumer: string;
  ackWaitMs: number;
  /** Blocks that are handed out together, at most. */
  batchMax: number;
  /** Time that a block waits for others to be handed out with it. */
  lingerMs: number;
  signal: AbortSignal;
}

/** Time that one request for blocks stays open. */
const PULL_MS = 5000;
const INTERRUPTED_MS = 500;
/** How often it is looked for other streams. */
const LOOK_MS = 10_000;

/**
 * Hands blocks to `take` in batches, one batch at a time, until the signal ends it. However long `take` works, the stream gives its blocks
 * to nobody else: a batch is being worked on, and at most one more of each stream waits here.
 */
export async function pullBlocks(
  pulling: Pulling,
  take: (blocks: TakenBlock[]) => Promise<void>,
  logger: Logger,
): Promise<void> {
  const { streams, signal } = pulling;
  const gathering = new Gathering(pulling, take);
  const alive = setInterval(() => gathering.keep(), pulling.ackWaitMs / 3);
  const pulls = new Map<string, Promise<void>>();
  try {
    while (!signal.aborted) {
      let lookMs = LOOK_MS;
      try {
        for (const stream of await streams()) {
          if (pulls.has(stream)) continue;
          const pull = pullStream(stream, pulling, gathering, logger).finally(() => pulls.delete(stream));
          pulls.set(stream, pull);
        }
      } catch (error) {
        logger.warn({ error: String(error) }, "JetStream does not tell which streams of blocks there are");
        lookMs = INTERRUPTED_MS;
      }
      await sleep(lookMs, undefined, { signal }).catch(() => undefined);
    }
    await Promise.all(pulls.values());
    await gathering.end();
  } finally {
    clearInterval(alive);
  }
}

/** Ends with the signal, or with the stream. */
async function pullStream(stream: string, pulling: Pulling, gathering: Gathering, logger: Logger): Promise<void> {
  const { signal } = pulling;
  while (!signal.aborted) {
    try {
      await pull(stream, pulling, gathering);
    } catch (error) {
      if (signal.aborted || (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND)) return;
      logger.warn({ stream, error: String(error) }, "consuming blocks was interrupted");
      await sleep(INTERRUPTED_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function pull(
  stream: string,
  { client, consumer: name, batchMax, signal }: Pulling,
  gathering: Gathering,
): Promise<void> {
  const consumer = await client.consumers.get(stream, name);
  while (!signal.aborted) {
    // Only as many as have room, so that none waits in the client, where nobody keeps it.
    await gathering.room();
    const messages = await consumer.fetch({ max_messages: batchMax, expires: PULL_MS });
    const stop = (): void => messages.stop();
    signal.addEventListener("abort", stop, { once: true });
    try {
      for await (const message of messages) gathering.add(message);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}
