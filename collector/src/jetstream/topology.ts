/** The streams and consumers that the collector works with. Made where missing; never made again under a name. */
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamManager,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
} from "@nats-io/jetstream";

/** Subjects of blocks: `blocks.<partition>.<host id>`. */
export const BLOCKS = { stream: "HOSTTRAIL_BLOCKS_1", prefix: "blocks", consumer: "store" } as const;
/** Subjects of what could not be stored: `dead.<reason>.<host id>`. */
export const DEAD = { stream: "HOSTTRAIL_DEAD_1", prefix: "dead" } as const;
/** The consumer of blocks for those who hold rules against them. Made by who has the role detect, and ended by the server when nobody has. */
export const DETECT = { consumer: "detect" } as const;
/** Subjects of what rules found: `matches.<host id>`. */
export const MATCHES = { stream: "HOSTTRAIL_MATCHES_1", prefix: "matches" } as const;
/** Subjects of leases: `leases.<name>`. */
export const LEASES = { stream: "HOSTTRAIL_LEASES_1", prefix: "leases" } as const;
/** Subjects of what is told of alerts: `alerts.<alert id>`. Its consumer is made by who has the role notify. */
export const ALERTS = { stream: "HOSTTRAIL_ALERTS_1", prefix: "alerts", consumer: "notify" } as const;
/** Plain subjects (no stream) between store and ingest: `<prefix>.<host id>`. */
export const STORED_PREFIX = "hosttrail.stored";
export const CONFIRM_PREFIX = "hosttrail.confirm";
/** A host's identity changed: look at it. */
export const IDENTITY_PREFIX = "hosttrail.identity";
/** Rules, their settings or suppressions changed: read them again. */
export const RULES_SUBJECT = "hosttrail.rules";
/** Query processes that read for each other: all of them at this subject, and one of them at `<subject>.<process id>`. */
export const PEERS_SUBJECT = "hosttrail.peers";

/** Partitions of hosts: fixed, since a host must stay in its own. */
const PARTITIONS = 64;

/** Bounds and copies of the streams. */
export interface TopologyOptions {
  replicas: number;
  /** Bytes of blocks that wait to be stored, at most; beyond, publishing is refused and agents keep their blocks. */
  streamBytesMax: number;
  /** Time that the store role has for a block before it is given to another one. */
  ackWaitMs: number;
}

/** JetStream's err_code of a stream that is not there. */
const STREAM_NOT_FOUND = 10_059;
/** JetStream's err_code of a consumer that is not there. */
const CONSUMER_NOT_FOUND = 10_014;
const DUPLICATE_WINDOW_MS = 120_000;
/** A change of an alert that is told again within this time, by a detector that went back to its checkpoint, is no second message. */
const ALERTS_DUPLICATE_WINDOW_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** What is told of alerts is kept so long for those who notify. */
const ALERTS_AGE_MS = 7 * DAY_MS;
/** Of who begins to notify: what was told in this time before it is notified as well. */
const ALERTS_BACK_MS = 600_000;
/** Changes are sorted one after the other, also where several processes share them: those of an alert keep their order. */
const ALERTS_PENDING_MAX = 1;
const LEASES_BYTES = 1024 * 1024;
const SIDE_STREAM_BYTES_MIN = 16 * 1024 * 1024;
/** Dead letters of one host and reason that are kept; then the oldest goes. */
const DEAD_PER_HOST_MAX = 64;

/** The partition of a host: FNV-1a over its id, so that every node finds the same one. */
export function partitionOf(hostId: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < hostId.length; at++) hash = Math.imul(hash ^ hostId.charCodeAt(at), 0x01000193) >>> 0;
  return hash % PARTITIONS;
}

/** Bytes of a stream beside that of the blocks. */
function sideStreamBytes({ streamBytesMax }: TopologyOptions): number {
  return Math.max(SIDE_STREAM_BYTES_MIN, Math.floor(streamBytesMax / 16));
}

export function nanos(milliseconds: number): number {
  return milliseconds * 1_000_000;
}

/** Makes what is missing. */
export async function ensureTopology(manager: JetStreamManager, options: TopologyOptions): Promise<void> {
  // Interest retention keeps a block until each consumer has it, and refuses new ones at the bound rather than
  // dropping old ones. It needs its consumers to exist first: whoever starts makes them all.
  await ensureStream(manager, {
    name: BLOCKS.stream,
    subjects: [`${BLOCKS.prefix}.>`],
    retention: RetentionPolicy.Interest,
    discard: DiscardPolicy.New,
    storage: StorageType.File,
    num_replicas: options.replicas,
    max_bytes: options.streamBytesMax,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
  });
  await ensureStream(manager, {
    name: DEAD.stream,
    subjects: [`${DEAD.prefix}.>`],
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    storage: StorageType.File,
    num_replicas: options.replicas,
    max_bytes: sideStreamBytes(options),
    max_age: nanos(30 * DAY_MS),
    // The dead letters of one host shall not push out those of others.
    max_msgs_per_subject: DEAD_PER_HOST_MAX,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
  });
  await ensureStream(manager, {
    name: ALERTS.stream,
    subjects: [`${ALERTS.prefix}.>`],
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    storage: StorageType.File,
    num_replicas: options.replicas,
    max_bytes: sideStreamBytes(options),
    max_age: nanos(ALERTS_AGE_MS),
    duplicate_window: nanos(ALERTS_DUPLICATE_WINDOW_MS),
  });
  // Whoever alerts takes what it has away; beyond the bound those who match wait, and with them their blocks.
  await ensureStream(manager, {
    name: MATCHES.stream,
    subjects: [`${MATCHES.prefix}.>`],
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    storage: StorageType.File,
    num_replicas: options.replicas,
    max_bytes: sideStreamBytes(options),
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
  });
  await ensureStream(manager, {
    name: LEASES.stream,
    subjects: [`${LEASES.prefix}.>`],
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    storage: StorageType.File,
    num_replicas: options.replicas,
    max_bytes: LEASES_BYTES,
    max_msgs_per_subject: 1,
  });
  await ensureConsumer(manager, BLOCKS.stream, {
    durable_name: BLOCKS.consumer,
    ack_wait: nanos(options.ackWaitMs),
    max_ack_pending: 4096,
  });
}

/** Makes the consumer of those who match; true where it was not there. */
export async function ensureDetectConsumer(
  manager: JetStreamManager,
  { ackWaitMs, awayMs }: { ackWaitMs: number; awayMs: number },
): Promise<boolean> {
  return await ensureConsumer(manager, BLOCKS.stream, {
    durable_name: DETECT.consumer,
    ack_wait: nanos(ackWaitMs),
    max_ack_pending: 4096,
    inactive_threshold: nanos(awayMs),
  });
}

/** Makes the consumer of those who notify. */
export async function ensureAlertConsumer(manager: JetStreamManager, ackWaitMs: number): Promise<void> {
  await ensureConsumer(manager, ALERTS.stream, {
    durable_name: ALERTS.consumer,
    ack_wait: nanos(ackWaitMs),
    max_ack_pending: ALERTS_PENDING_MAX,
    deliver_policy: DeliverPolicy.StartTime,
    opt_start_time: new Date(Date.now() - ALERTS_BACK_MS).toISOString(),
  });
}

/** Makes a consumer, or gives the one that is there the times that the configuration says now. True where it was made. */
export async function ensureConsumer(
  manager: JetStreamManager,
  stream: string,
  config: Partial<ConsumerConfig> & { durable_name: string; ack_wait: number },
): Promise<boolean> {
  const present = await manager.consumers.info(stream, config.durable_name).catch((error: unknown) => {
    if (error instanceof JetStreamApiError && error.code === CONSUMER_NOT_FOUND) return undefined;
    throw error;
  });
  if (present === undefined) {
    // Roles bound deliveries themselves: a message that ended here would be forgotten without a word.
    await manager.consumers.add(stream, { ack_policy: AckPolicy.Explicit, max_deliver: -1, ...config });
    return true;
  }
  const { ack_wait, inactive_threshold } = config;
  if (present.config.ack_wait !== ack_wait || present.config.inactive_threshold !== inactive_threshold)
    await manager.consumers.update(stream, config.durable_name, {
      ack_wait,
      ...(inactive_threshold === undefined ? {} : { inactive_threshold }),
    });
  return false;
}

export async function ensureStream(
  manager: JetStreamManager,
  config: Parameters<JetStreamManager["streams"]["add"]>[0] & { name: string },
): Promise<void> {
  // Looked for first: a server without room for a second one refuses to add the one that is there.
  const present = await manager.streams.info(config.name).catch((error: unknown) => {
    if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return undefined;
    throw error;
  });
  if (present === undefined) await manager.streams.add(config);
  else if (present.config.max_bytes !== config.max_bytes)
    await manager.streams.update(config.name, { max_bytes: config.max_bytes ?? -1 });
}
