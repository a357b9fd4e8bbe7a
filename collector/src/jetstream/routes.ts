/** The streams of those who notify: what waits for each route, what was given up, and what is known of routes. */
import { DiscardPolicy, type JetStreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import { ensureConsumer, ensureStream, nanos } from "./topology.ts";

/** Subjects of what waits: `notify.queue.<route>.<alert id>`. */
export const QUEUE = { stream: "HOSTTRAIL_NOTIFY_1", prefix: "notify.queue" } as const;
/** Subjects of what was given up: `notify.dead.<route>`. */
export const UNDELIVERED = { stream: "HOSTTRAIL_UNDELIVERED_1", prefix: "notify.dead" } as const;
/** Subjects of states: `notify.state.<route>`. */
export const STATES = { stream: "HOSTTRAIL_NOTIFY_STATE_1", prefix: "notify.state" } as const;
/** Plain subjects (no stream), by which a process that notifies is asked for a test: `<prefix>.<route>`. */
export const TEST_PREFIX = "hosttrail.notify.test";

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;
/** As long as changes of alerts are kept. */
const QUEUE_AGE_MS = 7 * DAY_MS;
const KEPT_AGE_MS = 30 * DAY_MS;
const QUEUE_DUPLICATE_WINDOW_MS = 3_600_000;
/** Dead letters of a route that are kept; then the oldest goes. */
const UNDELIVERED_PER_ROUTE_MAX = 1000;
/** More than may wait for a route: what waits for its next try must not keep the others from their first. */
const PENDING_MAX = 20_000;

export function consumerOf(route: string): string {
  return `route-${route}`;
}

export async function ensureRouteStreams(manager: JetStreamManager, replicas: number): Promise<void> {
  const common = { storage: StorageType.File, num_replicas: replicas };
  await ensureStream(manager, {
    ...common,
    name: QUEUE.stream,
    subjects: [`${QUEUE.prefix}.>`],
    retention: RetentionPolicy.Workqueue,
    discard: DiscardPolicy.New,
    max_bytes: 64 * MIB,
    max_age: nanos(QUEUE_AGE_MS),
    duplicate_window: nanos(QUEUE_DUPLICATE_WINDOW_MS),
  });
  await ensureStream(manager, {
    ...common,
    name: UNDELIVERED.stream,
    subjects: [`${UNDELIVERED.prefix}.>`],
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    max_bytes: 64 * MIB,
    max_age: nanos(KEPT_AGE_MS),
    max_msgs_per_subject: UNDELIVERED_PER_ROUTE_MAX,
  });
  await ensureStream(manager, {
    ...common,
    name: STATES.stream,
    subjects: [`${STATES.prefix}.>`],
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    max_bytes: MIB,
    max_age: nanos(KEPT_AGE_MS),
    max_msgs_per_subject: 1,
  });
}

export async function ensureRouteConsumer(manager: JetStreamManager, route: string, ackWaitMs: number): Promise<void> {
  await ensureConsumer(manager, QUEUE.stream, {
    durable_name: consumerOf(route),
    filter_subject: `${QUEUE.prefix}.${route}.>`,
    ack_wait: nanos(ackWaitMs),
    max_ack_pending: PENDING_MAX,
  });
}
