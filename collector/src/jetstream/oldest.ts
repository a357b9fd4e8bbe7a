/** How long blocks wait for a consumer. */
import type { JetStreamManager, StreamInfo } from "@nats-io/jetstream";
import { listBlockStreams } from "./blockstreams.ts";
import { findConsumer } from "./ensure.ts";

/** When the oldest block came that a consumer has not settled, milliseconds since 1970; undefined where it has settled all. */
export async function oldestOf(manager: JetStreamManager, consumer: string): Promise<number | undefined> {
  const times = await Promise.all(
    (await listBlockStreams(manager)).map((stream) => oldestIn(manager, stream, consumer)),
  );
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** Throws where a stream of blocks has no such consumer. */
export async function assertConsumer(manager: JetStreamManager, consumer: string): Promise<void> {
  for (const { config } of await listBlockStreams(manager)) {
    if ((await findConsumer(manager, config.name, consumer)) === undefined)
      throw new Error(`stream ${config.name} has no consumer ${consumer}`);
  }
}

async function oldestIn(
  manager: JetStreamManager,
  { config, state }: StreamInfo,
  consumer: string,
): Promise<number | undefined> {
  const info = await findConsumer(manager, config.name, consumer);
  if (info === undefined || info.num_pending + info.num_ack_pending === 0) return undefined;
  const seq = info.ack_floor.stream_seq + 1;
  // Mostly it is the stream's first message, whose time is told with the stream: others need not be read.
  if (seq <= state.first_seq) return Date.parse(state.first_ts);
  // Between it and the next one that is there, blocks are settled and gone.
  const query = { seq, next_by_subj: ">" };
  const message = await manager.streams.getMessage(config.name, query);
  return message?.time.getTime() ?? Date.parse(state.first_ts);
}
