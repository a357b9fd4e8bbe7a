/** What a seed means: how large its world is, how long it lives, how it is set up, and which faults it knows. */
import type { DatabaseKind } from "./database/index.ts";
import type { Random } from "./schedule/index.ts";

const MINUTE_MS = 60_000;

/** All that can go wrong. A seed has some of it: where all happens at once, little else ever does. */
const FAULTS = [
  "agent-killed",
  "agent-killed-at-call",
  "agent-restarted",
  "agent-stalled",
  "host-loses-power",
  "host-loses-power-at-call",
  "collector-killed",
  "collector-killed-at-call",
  "collector-restarted",
  "collector-stalled",
  "network-cut",
  "network-slow",
  "connections-broken",
  "broker-down",
  "broker-loses-power",
  "broker-loses-messages",
  "broker-loses-everything",
  "broker-unreliable",
  "database-down",
  "database-slow",
  "database-unreliable",
  "threads-failing",
  "disk-full",
  "disk-failing",
  "bit-flipped",
  "clock-jumps",
] as const;
export type FaultKind = (typeof FAULTS)[number];

export interface Plan {
  hosts: number;
  collectors: number;
  database: DatabaseKind;
  /** Simulated life with faults, milliseconds. */
  lifeMs: number;
  /** Milliseconds between two bursts of events of a host, on average, and events of one. */
  burstEveryMs: number;
  burstEvents: number;
  lowShare: number;
  sync: "always" | "second";
  segmentBytes: number;
  spoolBytes: number;
  lingerMs: number;
  /** Of the broker, between two syncs of its disk. */
  brokerSyncMs: number;
  blocksMin: number;
  faults: FaultKind[];
  /** Milliseconds between two faults of a kind, on average. */
  faultEveryMs: number;
}

export function planOf(random: Random): Plan {
  const lifeMs = random.chance(0.05) ? random.between(60, 180) * MINUTE_MS : random.between(1, 8) * MINUTE_MS;
  const busy = random.between(0.02, 0.35);
  const database = random.pick(["mongodb", "mongodb", "embedded"] as const);
  const collectors = random.pick([1, 2, 2, 3]);
  return {
    hosts: random.pick([1, 1, 2, 3]),
    // Of two who change a document at once in the embedded database one is lost: it is for one collector.
    collectors: database === "embedded" ? 1 : collectors,
    database,
    lifeMs,
    // As many events in a long life as in a short one.
    burstEveryMs: lifeMs / random.between(10, 60),
    burstEvents: random.pick([1, 3, 10, 30]),
    lowShare: random.pick([0, 0.3]),
    sync: random.pick(["always", "always", "second"] as const),
    segmentBytes: random.pick([65_536, 65_536, 1024 * 1024]),
    spoolBytes: random.chance(0.1) ? 4 * 1024 * 1024 : 512 * 1024 * 1024,
    lingerMs: random.pick([10, 600, 5000]),
    brokerSyncMs: random.pick([1000, 120_000]),
    blocksMin: random.pick([2, 64]),
    faults: FAULTS.filter(() => random.chance(busy)),
    faultEveryMs: lifeMs / random.between(2, 8),
  };
}
