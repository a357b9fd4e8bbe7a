/**
 * Words of the server about messages that it delivers no more. Our consumers deliver without end, so such a word means that somebody has set
 * one up otherwise: the block waits in the stream, and nobody works on it.
 */
import { type JetStreamManager, JetStreamApiError } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { BLOCK_ID_LENGTH } from "./gathering.ts";
import { MAX_DELIVERIES_PREFIX, STORE_CONSUMER } from "./names.ts";

/** A message that was delivered as often as its consumer allows. */
export interface GivenUp {
  stream: string;
  consumer: string;
  sequence: number;
  deliveries: number;
  /** Of the block; empty where the message is none, or is gone already. */
  blockId: string;
  hostId: string;
}

/** Told once of each, whatever the number of those who listen. */
export function onMaxDeliveries(
  connection: NatsConnection,
  manager: () => Promise<JetStreamManager>,
  take: (given: GivenUp) => void,
): { close: () => void } {
  const subscription = connection.subscribe(`${MAX_DELIVERIES_PREFIX}.>`, {
    queue: STORE_CONSUMER,
    callback: (error, message) => {
      if (error !== null) return;
      const about = readAdvisory(message.data);
      if (about === undefined) return;
      blockOf(manager, about).then(
        (block) => take({ ...about, ...block }),
        () => take({ ...about, blockId: "", hostId: "" }),
      );
    },
  });
  return { close: () => subscription.unsubscribe() };
}

/** io.nats.jetstream.advisory.v1.max_deliver; undefined for what is none. */
function readAdvisory(data: Uint8Array): Omit<GivenUp, "blockId" | "hostId"> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(data));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { stream, consumer, stream_seq: sequence, deliveries } = value as Record<string, unknown>;
  if (typeof stream !== "string" || typeof consumer !== "string" || typeof sequence !== "number") return undefined;
  return { stream, consumer, sequence, deliveries: typeof deliveries === "number" ? deliveries : 0 };
}

async function blockOf(
  manager: () => Promise<JetStreamManager>,
  { stream, sequence }: Pick<GivenUp, "stream" | "sequence">,
): Promise<Pick<GivenUp, "blockId" | "hostId">> {
  try {
    const stored = await (await manager()).streams.getMessage(stream, { seq: sequence });
    const id = stored?.header.get("Nats-Msg-Id").slice(0, BLOCK_ID_LENGTH) ?? "";
    return { blockId: id, hostId: stored?.subject.split(".").at(-1) ?? "" };
  } catch (error) {
    if (error instanceof JetStreamApiError) return { blockId: "", hostId: "" };
    throw error;
  }
}
