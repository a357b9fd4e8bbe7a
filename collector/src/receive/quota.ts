/**
 * What one host may send: blocks, bytes and events a second, and how much of it may wait to be stored. Whoever sends more is made to wait,
 * so that a loud host fills neither the stream nor the store role's time; nothing is dropped. Shared by all streams of a host on
 * a node. Pure but for the clock that is handed in.
 */

/** Limits of each host. */
export interface QuotaOptions {
  blocksPerSecond: number;
  bytesPerSecond: number;
  eventsPerSecond: number;
  /** Seconds' worth that may come at once. */
  burstSeconds: number;
  /** What the stream has of a host and the database has not, at most. */
  waitingBlocksMax: number;
  waitingBytesMax: number;
  /** Streams of one host at once on a node. */
  streamsMax: number;
}

export type QuotaLimit = "blocks" | "bytes" | "events" | "waiting";

/** How long to wait, and for which limit. */
export interface Delay {
  delayMs: number;
  limit: QuotaLimit;
}

/** The word of *stored* is not kept for who is away: what nobody spoke of for so long is no longer counted as waiting. */
export const WAITING_FORGOTTEN_MS = 60_000;
/** How soon a host that has too much waiting is looked at again. */
const WAITING_RETRY_MS = 250;

/** Holds up to `rate * burstSeconds`; what is taken beyond is a debt that time pays. */
class Bucket {
  readonly #rate: number;
  readonly #size: number;
  #level: number;
  #filledMs: number;

  constructor(rate: number, burstSeconds: number, nowMs: number) {
    this.#rate = rate;
    this.#size = rate * burstSeconds;
    this.#level = this.#size;
    this.#filledMs = nowMs;
  }

  /** Takes, and gives the milliseconds until the debt is paid. */
  take(amount: number, nowMs: number): number {
    this.#level = Math.min(this.#size, this.#level + ((nowMs - this.#filledMs) / 1000) * this.#rate) - amount;
    this.#filledMs = nowMs;
    return this.#level >= 0 ? 0 : (-this.#level / this.#rate) * 1000;
  }
}

export class HostQuota {
  #options: QuotaOptions;
  #buckets: Record<Exclude<QuotaLimit, "waiting">, Bucket>;
  /** By block id, in the order in which they were received. */
  readonly #waiting = new Map<string, { bytes: number; sinceMs: number }>();
  #waitingBytes = 0;
  /** Streams that are open. */
  streams = 0;

  constructor(options: QuotaOptions, nowMs: number) {
    this.#options = options;
    this.#buckets = bucketsOf(options, nowMs);
  }

  /** Other limits from now on; a debt under the old ones is forgiven. */
  retune(options: QuotaOptions, nowMs: number): void {
    if (JSON.stringify(options) === JSON.stringify(this.#options)) return;
    this.#options = options;
    this.#buckets = bucketsOf(options, nowMs);
  }

  /** Charges a block, once, and gives how long it must wait; undefined where it may go on. */
  charge(block: { bytes: number; events: number }, nowMs: number): Delay | undefined {
    const delays: Delay[] = [
      { limit: "blocks", delayMs: this.#buckets.blocks.take(1, nowMs) },
      { limit: "bytes", delayMs: this.#buckets.bytes.take(block.bytes, nowMs) },
      { limit: "events", delayMs: this.#buckets.events.take(block.events, nowMs) },
    ];
    const longest = delays.reduce((most, delay) => (delay.delayMs > most.delayMs ? delay : most));
    return longest.delayMs > 0 ? longest : undefined;
  }

  /** Whether too much waits to be stored for another block to be received. */
  backlog(nowMs: number): Delay | undefined {
    for (const [id, { sinceMs }] of this.#waiting) {
      if (nowMs - sinceMs < WAITING_FORGOTTEN_MS) break;
      this.settled(id);
    }
    const { waitingBlocksMax, waitingBytesMax } = this.#options;
    const isFull = this.#waiting.size >= waitingBlocksMax || this.#waitingBytes >= waitingBytesMax;
    return isFull ? { limit: "waiting", delayMs: WAITING_RETRY_MS } : undefined;
  }

  /** The stream has a block. */
  received(id: string, bytes: number, nowMs: number): void {
    this.settled(id);
    this.#waiting.set(id, { bytes, sinceMs: nowMs });
    this.#waitingBytes += bytes;
  }

  /** The database has it, or never will. */
  settled(id: string): void {
    this.#waitingBytes -= this.#waiting.get(id)?.bytes ?? 0;
    this.#waiting.delete(id);
  }

  get isIdle(): boolean {
    return this.streams === 0;
  }
}

function bucketsOf(
  { burstSeconds, blocksPerSecond, bytesPerSecond, eventsPerSecond }: QuotaOptions,
  nowMs: number,
): Record<Exclude<QuotaLimit, "waiting">, Bucket> {
  return {
    blocks: new Bucket(blocksPerSecond, burstSeconds, nowMs),
    bytes: new Bucket(bytesPerSecond, burstSeconds, nowMs),
    events: new Bucket(eventsPerSecond, burstSeconds, nowMs),
  };
}

/** Quotas of hosts that are gone, kept so that a new stream is no new quota. */
const HOSTS_MAX = 20_000;

/** The quotas of all hosts on a node. */
export class Quotas {
  readonly #options: () => QuotaOptions;
  readonly #hosts = new Map<string, HostQuota>();

  /** `options` gives the limits as they are now. */
  constructor(options: () => QuotaOptions) {
    this.#options = options;
  }

  of(hostId: string, nowMs: number): HostQuota {
    const options = this.#options();
    const quota = this.#hosts.get(hostId) ?? new HostQuota(options, nowMs);
    quota.retune(options, nowMs);
    this.#hosts.delete(hostId);
    this.#hosts.set(hostId, quota);
    if (this.#hosts.size > HOSTS_MAX) {
      for (const [id, each] of this.#hosts) {
        if (!each.isIdle) continue;
        this.#hosts.delete(id);
        break;
      }
    }
    return quota;
  }
}
