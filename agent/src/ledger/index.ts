/** What became of every event: the counts that must add up, by the minute. */
export { SerialGaps } from "./gaps.ts";

/** Counts since the agent's start. Those without a unit count events. */
interface Totals {
  /** Lost by the kernel, as it counts itself (AUDIT_GET); it knows nothing of readers of the multicast group. */
  kernelLost: number;
  /** Serials that never came. */
  serialGaps: number;
  /** Times that the kernel told of an overrun of the receive buffer (ENOBUFS). */
  overruns: number;
  /** Records that the source gave. */
  records: number;
  /** Records without a stamp that can be read, and messages that did not come from the kernel. */
  unreadable: number;
  /** Files of a log that could not be read, or not to their end. */
  unreadFiles: number;
  /** Events that the records made. */
  events: number;
  /** Of them, those that went on before their end. */
  partial: number;
  /** Records that came after their event had ended: events of their own. */
  late: number;
  /** Given again by the source after a crash, and in the trail already. */
  repeated: number;
  /** Left out by the governor, by the priority of their rules. */
  shed: number;
  /** Lost by a mistake of ours. */
  failed: number;
  /** Secrets that were replaced. */
  redacted: number;
  /** Reports of the agent about itself. */
  own: number;
  /** Handed to the block builder, reports among them. */
  accepted: number;
  /** In the spool: found at the start, and added since. */
  found: number;
  spooled: number;
  /** Put back into the spool from the quarantine. */
  returned: number;
  /** Left the spool: stored by the collector; given up for room or age; refused by the collector and put aside. */
  stored: number;
  evicted: number;
  quarantined: number;
  /** Left the quarantine for want of room: lost. */
  discarded: number;
  /** Sent to the collector, those that were sent again as often as they were; and told by it as received. */
  sent: number;
  received: number;
}

/** How many there are now, on their way. */
interface Levels {
  /** Held until the file that they are about has been looked at. */
  held: number;
  /** In blocks that are not spooled yet. */
  pending: number;
  /** In the spool. */
  inSpool: number;
}

export interface Snapshot extends Totals, Levels {}

/** An equation that does not hold: a number that nobody can explain, which is a defect. */
export interface Imbalance {
  equation: string;
  difference: number;
}

/** Checks that every event is somewhere. */
export function imbalances(now: Snapshot): Imbalance[] {
  const equations: [string, number][] = [
    [
      "events + own = repeated + shed + failed + held + accepted",
      now.events + now.own - now.repeated - now.shed - now.failed - now.held - now.accepted,
    ],
    ["accepted = pending + spooled", now.accepted - now.pending - now.spooled],
    [
      "found + spooled + returned = stored + evicted + quarantined + inSpool",
      now.found + now.spooled + now.returned - now.stored - now.evicted - now.quarantined - now.inSpool,
    ],
  ];
  return equations
    .filter(([, difference]) => difference !== 0)
    .map(([equation, difference]) => ({ equation, difference }));
}

/** What alone is no reason to report: an idle host would report its reports. */
const FOLLOWS: ReadonlySet<string> = new Set([
  "own",
  "accepted",
  "spooled",
  "stored",
  "pending",
  "inSpool",
  "found",
  "sent",
  "received",
]);

/** Turns snapshots into what changed since the last one. */
export class Ledger {
  readonly #read: () => Snapshot;
  #last: Snapshot;
  #lastMs: number;

  constructor(read: () => Snapshot, first: Snapshot, nowMs: number) {
    this.#read = read;
    this.#last = first;
    this.#lastMs = nowMs;
  }

  /** Everything as it is now. */
  now(): Snapshot {
    return this.#read();
  }

  /**
   * The changes since the last call, with the levels as they are now; undefined where nothing happened but our own reports, and it is not
   * the last time. Times are milliseconds since 1970.
   */
  take(nowMs: number, isLast = false): Record<string, number> | undefined {
    const now = this.#read();
    const changes: Record<string, number> = {};
    let isWorth = isLast;
    for (const name of Object.keys(now) as (keyof Snapshot)[]) {
      const isLevel = name === "held" || name === "pending" || name === "inSpool";
      changes[name] = isLevel ? now[name] : now[name] - this.#last[name];
      if (!FOLLOWS.has(name) && now[name] !== this.#last[name]) isWorth = true;
    }
    if (!isWorth) return undefined;
    const result = { from_ms: this.#lastMs, to_ms: nowMs, ...changes };
    this.#last = now;
    this.#lastMs = nowMs;
    return result;
  }
}
