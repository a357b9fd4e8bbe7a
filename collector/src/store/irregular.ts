/**
 * Bounds how often a host's blocks may begin anew: with a new epoch, behind a hole, with a link that does not hold, as a fork. Each of
 * these costs an entry of its host's catalog for good, which an honest agent needs a few times a day and a hostile one could for every
 * block. Each node counts for itself.
 */
import type { ChainStatus } from "../model/index.ts";

/** Of a host on a day. */
export const IRREGULAR_MAX = 10_000;
/** Hosts that are counted at once; those that were counted first go first. */
const HOSTS_MAX = 10_000;
const DAY_MS = 86_400_000;
const COUNTED: ReadonlySet<ChainStatus> = new Set<ChainStatus>(["first", "gap", "broken", "forked", "unknown"]);

export class Irregular {
  readonly #counts = new Map<string, { day: number; count: number }>();

  /** False where the host has had its share for the day on which the block came. */
  admits(hostId: string, status: ChainStatus, receivedMs: number): boolean {
    if (!COUNTED.has(status)) return true;
    const day = Math.floor(receivedMs / DAY_MS);
    const before = this.#counts.get(hostId);
    const count = (before?.day === day ? before.count : 0) + 1;
    if (count > IRREGULAR_MAX) return false;
    this.#counts.set(hostId, { day, count });
    if (this.#counts.size > HOSTS_MAX) {
      const [oldest] = this.#counts.keys();
      if (oldest !== undefined) this.#counts.delete(oldest);
    }
    return true;
  }
}
