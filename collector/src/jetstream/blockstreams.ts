/** The streams of blocks together: which there are, and how they become as many as they shall be. */
import type { JetStreamManager, StreamInfo } from "@nats-io/jetstream";
import { ensureConsumer, ensureStream, findConsumer } from "./ensure.ts";
import { idleSubjectOf, isWhole, joiningSubjectOf, layoutOf, type PresentStream, takingStreams } from "./layout.ts";
import { BLOCKS_STREAM_PREFIX, DETECT_CONSUMER } from "./names.ts";
import { blocksPlan, type ConsumerPlan, detectConsumer, type PlanOptions, storeConsumer } from "./plan.ts";

export interface BlockStreamsOptions extends PlanOptions {
  /** Streams over which the partitions are spread. */
  streams: number;
  /** The highest number that a stream is remembered to have had, though it may be gone. */
  lastNumber?: number;
}

/**
 * Streams that have blocks, or may get some. By their names, which a cluster knows all of, and then one by one: a list of streams would leave
 * out those that have no leader just now. Throws for these.
 */
export async function listBlockStreams(manager: JetStreamManager): Promise<StreamInfo[]> {
  const names: string[] = [];
  for await (const name of manager.streams.names()) if (name.startsWith(BLOCKS_STREAM_PREFIX)) names.push(name);
  return await Promise.all(names.sort().map((name) => manager.streams.info(name)));
}

export function presentOf({ config }: Pick<StreamInfo, "config">): PresentStream {
  return { name: config.name, subjects: config.subjects ?? [] };
}

/**
 * Makes what is missing: at the first start all of it. Streams that take all partitions already stay as they are, however many they are: to
 * spread partitions otherwise is a decision of its own (`spreadBlocks`).
 */
export async function ensureBlockStreams(manager: JetStreamManager, options: BlockStreamsOptions): Promise<void> {
  const present = await listBlockStreams(manager);
  if (!isWhole(present.map(presentOf))) {
    await spreadBlocks(manager, options);
    return;
  }
  const streams = takingStreams(present.map(presentOf));
  for (const { config } of present) {
    await ensureStream(manager, blocksPlan(config.name, config.subjects ?? [], streams, options));
    await ensureConsumer(manager, config.name, storeConsumer(options));
  }
}

/**
 * Spreads the partitions over so many streams. Whoever publishes meanwhile is refused for a moment and tries again; what old streams have is
 * still handed out from there. A crash at any step is gone on from at the next call.
 */
export async function spreadBlocks(manager: JetStreamManager, options: BlockStreamsOptions): Promise<void> {
  const present = await listBlockStreams(manager);
  const { streams, drained } = layoutOf(present.map(presentOf), options.streams, options.lastNumber);
  const detect = await detectConsumerOf(manager, present);
  // First all consumers: a block that comes before its consumer would pass it by.
  for (const { name, isNew } of streams) {
    if (isNew) await ensureStream(manager, blocksPlan(name, [joiningSubjectOf(name)], options.streams, options));
    await ensureConsumer(manager, name, storeConsumer(options));
    if (detect !== undefined) await ensureConsumer(manager, name, detect);
  }
  // A subject belongs to one stream at a time.
  for (const name of drained) await manager.streams.update(name, { subjects: [idleSubjectOf(name)] });
  for (const { name, subjects } of streams)
    await manager.streams.update(name, blocksPlan(name, subjects, options.streams, options));
}

/** Removes streams that take no blocks any more and have none; their names. */
export async function removeDrained(manager: JetStreamManager): Promise<string[]> {
  const removed: string[] = [];
  for (const { config, state } of await listBlockStreams(manager)) {
    const [subject, ...others] = config.subjects ?? [];
    if (others.length > 0 || subject !== idleSubjectOf(config.name) || state.messages > 0) continue;
    await manager.streams.delete(config.name);
    removed.push(config.name);
  }
  return removed;
}

/** The consumer of those who match as it is on the other streams, where somebody matches. */
async function detectConsumerOf(
  manager: JetStreamManager,
  present: readonly StreamInfo[],
): Promise<ConsumerPlan | undefined> {
  for (const { config } of present) {
    const found = await findConsumer(manager, config.name, DETECT_CONSUMER);
    if (found === undefined) continue;
    const { ack_wait: ackWait = 0, inactive_threshold: away = 0 } = found.config;
    return detectConsumer({ ackWaitMs: ackWait / 1e6, awayMs: away / 1e6 });
  }
  return undefined;
}

/** Blocks that a consumer has not settled yet, in all streams: waiting, or on their way. */
export async function lagOf(manager: JetStreamManager, consumer: string): Promise<number> {
  const lags = await Promise.all(
    (await listBlockStreams(manager)).map(async ({ config }) => {
      const info = await findConsumer(manager, config.name, consumer);
      return info === undefined ? 0 : info.num_pending + info.num_ack_pending;
    }),
  );
  return lags.reduce((sum, lag) => sum + lag, 0);
}

/** The newest block of each stream, by its place. */
export type NewestBlocks = ReadonlyMap<string, number>;

export async function newestBlocks(manager: JetStreamManager): Promise<NewestBlocks> {
  return new Map((await listBlockStreams(manager)).map(({ config, state }) => [config.name, state.last_seq]));
}

/** True when a consumer has settled all blocks up to these; streams that are gone have none. */
export async function areSettled(manager: JetStreamManager, consumer: string, newest: NewestBlocks): Promise<boolean> {
  for (const [stream, place] of newest) {
    const info = await findConsumer(manager, stream, consumer).catch(() => undefined);
    if (info === undefined) continue;
    const { ack_floor: floor, num_pending: waiting, num_ack_pending: taken } = info;
    if (waiting + taken > 0 && floor.stream_seq < place) return false;
  }
  return true;
}
