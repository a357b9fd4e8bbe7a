/** Names of streams, consumers and subjects: the one place where they stand. */

/** Streams of blocks: `HOSTTRAIL_BLOCKS_<number>`. A number is never used again. */
export const BLOCKS_STREAM_PREFIX = "HOSTTRAIL_BLOCKS_";
/** Subjects of blocks: `blocks.<partition>.<host id>`. Each stream has some of the partitions. */
export const BLOCKS_PREFIX = "blocks";
/** The consumer, on each of these streams, of those who store. */
export const STORE_CONSUMER = "store";
/** The one of those who hold rules against blocks. Made by who has the role detect, and ended by the server when nobody has. */
export const DETECT_CONSUMER = "detect";
/** Subjects of what could not be stored: `dead.<reason>.<host id>`. */
export const DEAD = { stream: "HOSTTRAIL_DEAD_1", prefix: "dead" } as const;
/** Subjects of what rules found: `matches.<host id>`. */
export const MATCHES = { stream: "HOSTTRAIL_MATCHES_1", prefix: "matches" } as const;
/** Subjects of leases: `leases.<name>`. */
export const LEASES = { stream: "HOSTTRAIL_LEASES_1", prefix: "leases" } as const;
/** Subjects of the newest checkpoints: `log.<log id>`. */
export const LOG = { stream: "HOSTTRAIL_LOG_1", prefix: "log" } as const;
/** Subjects of what is told of alerts: `alerts.<alert id>`. Its consumer is made by who has the role notify. */
export const ALERTS = { stream: "HOSTTRAIL_ALERTS_1", prefix: "alerts", consumer: "notify" } as const;
/** Subjects of what waits for routes: `notify.queue.<route>.<alert id>`. */
export const QUEUE = { stream: "HOSTTRAIL_NOTIFY_1", prefix: "notify.queue" } as const;
/** Subjects of what was given up: `notify.dead.<route>`. */
export const UNDELIVERED = { stream: "HOSTTRAIL_UNDELIVERED_1", prefix: "notify.dead" } as const;
/** Subjects of states: `notify.state.<route>`. */
export const STATES = { stream: "HOSTTRAIL_NOTIFY_STATE_1", prefix: "notify.state" } as const;

/** Plain subjects (no stream) between store and ingest: `<prefix>.<host id>`. */
export const STORED_PREFIX = "hosttrail.stored";
export const CONFIRM_PREFIX = "hosttrail.confirm";
/** Where the server says that it delivers a message no more: `<prefix>.<stream>.<consumer>`. */
export const MAX_DELIVERIES_PREFIX = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES";
/** A collector that takes agents says that it is there: `<subject>.<process id>`. */
export const INGEST_SUBJECT = "hosttrail.ingest";
/** A host's identity changed: look at it. */
export const IDENTITY_PREFIX = "hosttrail.identity";
/** Rules, their settings or suppressions changed: read them again. */
export const RULES_SUBJECT = "hosttrail.rules";
/** Query processes that read for each other: all of them at this subject, and one of them at `<subject>.<process id>`. */
export const PEERS_SUBJECT = "hosttrail.peers";
/** A process that notifies is asked for a test of a route: `<prefix>.<route>`. */
export const TEST_PREFIX = "hosttrail.notify.test";

/** The consumer of what waits for a route. */
export function consumerOf(route: string): string {
  return `route-${route}`;
}
