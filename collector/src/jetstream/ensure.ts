/** Makes single streams and consumers where they are missing. None is ever made again under its name. */
import {
  AckPolicy,
  type ConsumerInfo,
  type JetStreamManager,
  JetStreamApiError,
  type StreamInfo,
} from "@nats-io/jetstream";
import type { ConsumerPlan, StreamPlan } from "./plan.ts";

/** JetStream's err_codes of a stream and of a consumer that is not there. */
export const STREAM_NOT_FOUND = 10_059;
const CONSUMER_NOT_FOUND = 10_014;

export async function findStream(manager: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  return await manager.streams.info(name).catch(undefinedFor(STREAM_NOT_FOUND));
}

export async function findConsumer(
  manager: JetStreamManager,
  stream: string,
  name: string,
): Promise<ConsumerInfo | undefined> {
  return await manager.consumers.info(stream, name).catch(undefinedFor(CONSUMER_NOT_FOUND));
}

/** Makes a consumer, or gives the one that is there the times that the configuration says now. True where it was made. */
export async function ensureConsumer(manager: JetStreamManager, stream: string, plan: ConsumerPlan): Promise<boolean> {
  const present = await findConsumer(manager, stream, plan.durable_name);
  if (present === undefined) {
    // Roles bound deliveries themselves: a message that ended here would be forgotten without a word.
    await manager.consumers.add(stream, { ack_policy: AckPolicy.Explicit, max_deliver: -1, ...plan });
    return true;
  }
  const { ack_wait, inactive_threshold } = plan;
  if (present.config.ack_wait !== ack_wait || present.config.inactive_threshold !== inactive_threshold)
    await manager.consumers.update(stream, plan.durable_name, {
      ack_wait,
      ...(inactive_threshold === undefined ? {} : { inactive_threshold }),
    });
  return false;
}

/** Makes a stream, or gives the one that is there the bound that the configuration says now. */
export async function ensureStream(manager: JetStreamManager, plan: StreamPlan): Promise<void> {
  // Looked for first: a server without room for a second one refuses to add the one that is there.
  const present = await findStream(manager, plan.name);
  if (present === undefined) await manager.streams.add(plan);
  else if (present.config.max_bytes !== plan.max_bytes)
    await manager.streams.update(plan.name, { max_bytes: plan.max_bytes ?? -1 });
}

function undefinedFor(code: number): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof JetStreamApiError && error.code === code) return undefined;
    throw error;
  };
}
