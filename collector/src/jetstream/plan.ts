/** The streams and consumers that the collector works with, as they shall be. */
import {
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import {
  ALERTS,
  consumerOf,
  DEAD,
  DETECT_CONSUMER,
  LEASES,
  LOG,
  MATCHES,
  QUEUE,
  STATES,
  STORE_CONSUMER,
  UNDELIVERED,
} from "./names.ts";

/** Bounds and copies of the streams. */
export interface PlanOptions {
  replicas: number;
  /** Bytes of blocks that wait to be stored, at most; beyond, publishing is refused and agents keep their blocks. */
  streamBytesMax: number;
  /** Time that the store role has for a block before it is given to another one. */
  ackWaitMs: number;
  /** Tags that the servers of these streams must have; none for any server. */
  placementTags: readonly string[];
}

export type StreamPlan = Partial<StreamConfig> & { name: string; subjects: string[] };
export type ConsumerPlan = Partial<ConsumerConfig> & { durable_name: string; ack_wait: number };

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;
const DUPLICATE_WINDOW_MS = 120_000;
/** A change of an alert that is told again within this time, by a detector that went back to its checkpoint, is no second message. */
const ALERTS_DUPLICATE_WINDOW_MS = 3_600_000;
/** What is told of alerts is kept so long for those who notify, and so is what waits for routes. */
const ALERTS_AGE_MS = 7 * DAY_MS;
/** Of who begins to notify: what was told in this time before it is notified as well. */
const ALERTS_BACK_MS = 600_000;
const KEPT_AGE_MS = 30 * DAY_MS;
const SIDE_STREAM_BYTES_MIN = 16 * MIB;
/** Dead letters of one host and reason that are kept; then the oldest goes. */
const DEAD_PER_HOST_MAX = 64;
/** Dead letters of a route that are kept; then the oldest goes. */
const UNDELIVERED_PER_ROUTE_MAX = 1000;
/** Blocks that are handed out and not settled, of one stream. */
const BLOCKS_PENDING_MAX = 4096;
/** Changes are sorted one after the other, also where several processes share them: those of an alert keep their order. */
const ALERTS_PENDING_MAX = 1;
/** More than may wait for a route: what waits for its next try must not keep the others from their first. */
const ROUTE_PENDING_MAX = 20_000;

function nanos(milliseconds: number): number {
  return milliseconds * 1_000_000;
}

/**
 * A stream of blocks, of so many. Interest retention keeps a block until each consumer has it, and refuses new ones at the bound rather than
 * dropping old ones. It needs its consumers to exist before it takes anything.
 */
export function blocksPlan(name: string, subjects: string[], streams: number, options: PlanOptions): StreamPlan {
  return {
    ...common(options),
    name,
    subjects,
    retention: RetentionPolicy.Interest,
    discard: DiscardPolicy.New,
    max_bytes: Math.floor(options.streamBytesMax / streams),
    max_age: 0,
    max_msgs: -1,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
  };
}

/** All others. */
export function sidePlans(options: PlanOptions): StreamPlan[] {
  const sideBytes = Math.max(SIDE_STREAM_BYTES_MIN, Math.floor(options.streamBytesMax / 16));
  return [
    {
      ...common(options),
      name: DEAD.stream,
      subjects: [`${DEAD.prefix}.>`],
      discard: DiscardPolicy.Old,
      max_bytes: sideBytes,
      max_age: nanos(KEPT_AGE_MS),
      // The dead letters of one host shall not push out those of others.
      max_msgs_per_subject: DEAD_PER_HOST_MAX,
      duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    },
    {
      ...common(options),
      name: ALERTS.stream,
      subjects: [`${ALERTS.prefix}.>`],
      discard: DiscardPolicy.Old,
      max_bytes: sideBytes,
      max_age: nanos(ALERTS_AGE_MS),
      duplicate_window: nanos(ALERTS_DUPLICATE_WINDOW_MS),
    },
    // Whoever alerts takes what it has away; beyond the bound those who match wait, and with them their blocks.
    {
      ...common(options),
      name: MATCHES.stream,
      subjects: [`${MATCHES.prefix}.>`],
      discard: DiscardPolicy.New,
      max_bytes: sideBytes,
      duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    },
    {
      ...common(options),
      name: LEASES.stream,
      subjects: [`${LEASES.prefix}.>`],
      discard: DiscardPolicy.Old,
      max_bytes: MIB,
      max_msgs_per_subject: 1,
    },
    {
      ...common(options),
      name: LOG.stream,
      subjects: [`${LOG.prefix}.>`],
      discard: DiscardPolicy.New,
      max_bytes: 16 * MIB,
      max_msgs_per_subject: 1,
    },
    {
      ...common(options),
      name: QUEUE.stream,
      subjects: [`${QUEUE.prefix}.>`],
      retention: RetentionPolicy.Workqueue,
      discard: DiscardPolicy.New,
      max_bytes: 64 * MIB,
      max_age: nanos(ALERTS_AGE_MS),
      duplicate_window: nanos(ALERTS_DUPLICATE_WINDOW_MS),
    },
    {
      ...common(options),
      name: UNDELIVERED.stream,
      subjects: [`${UNDELIVERED.prefix}.>`],
      discard: DiscardPolicy.Old,
      max_bytes: 64 * MIB,
      max_age: nanos(KEPT_AGE_MS),
      max_msgs_per_subject: UNDELIVERED_PER_ROUTE_MAX,
    },
    {
      ...common(options),
      name: STATES.stream,
      subjects: [`${STATES.prefix}.>`],
      discard: DiscardPolicy.Old,
      max_bytes: MIB,
      max_age: nanos(KEPT_AGE_MS),
      max_msgs_per_subject: 1,
    },
  ];
}

function common({ replicas, placementTags }: PlanOptions): Omit<StreamPlan, "name" | "subjects"> {
  return {
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    ...(placementTags.length === 0 ? {} : { placement: { cluster: "", tags: [...placementTags] } }),
  };
}

/** Of those who store, on each stream of blocks. */
export function storeConsumer({ ackWaitMs }: Pick<PlanOptions, "ackWaitMs">): ConsumerPlan {
  return { durable_name: STORE_CONSUMER, ack_wait: nanos(ackWaitMs), max_ack_pending: BLOCKS_PENDING_MAX };
}

/** Of those who match, on each stream of blocks. The server ends it when nobody asked for blocks for `awayMs`. */
export function detectConsumer({ ackWaitMs, awayMs }: { ackWaitMs: number; awayMs: number }): ConsumerPlan {
  return {
    durable_name: DETECT_CONSUMER,
    ack_wait: nanos(ackWaitMs),
    max_ack_pending: BLOCKS_PENDING_MAX,
    inactive_threshold: nanos(awayMs),
  };
}

/** Of those who notify. */
export function alertConsumer(ackWaitMs: number): ConsumerPlan {
  return {
    durable_name: ALERTS.consumer,
    ack_wait: nanos(ackWaitMs),
    max_ack_pending: ALERTS_PENDING_MAX,
    deliver_policy: DeliverPolicy.StartTime,
    opt_start_time: new Date(Date.now() - ALERTS_BACK_MS).toISOString(),
  };
}

/** Of those who deliver what waits for a route. */
export function routeConsumer(route: string, ackWaitMs: number): ConsumerPlan {
  return {
    durable_name: consumerOf(route),
    filter_subject: `${QUEUE.prefix}.${route}.>`,
    ack_wait: nanos(ackWaitMs),
    max_ack_pending: ROUTE_PENDING_MAX,
  };
}
