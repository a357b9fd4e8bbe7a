/**
 * Reads of what arrived, for a database that reads all of it for each question, as the embedded one: one read at a time, and questions that
 * come meanwhile share the next one. A read that takes long is followed by a pause that is as long. So however many ask, it is
 * read once at a time, and half of the time is left to those who store.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ArrivalQuery, FoundArrivals, ReadingBounds } from "./reading.ts";

type FindArrivals = (query: ArrivalQuery, bounds: ReadingBounds) => Promise<FoundArrivals>;

interface Waiting {
  query: ArrivalQuery;
  bounds: ReadingBounds;
  resolve: (found: FoundArrivals | Promise<FoundArrivals>) => void;
  reject: (error: unknown) => void;
}

/** A read that takes longer is a burden. */
const LONG_MS = 200;
const PAUSE_MAX_MS = 2000;
const TIME_MIN = -(1n << 63n);
const TIME_MAX = (1n << 63n) - 1n;

export class SharedReads {
  readonly #find: FindArrivals;
  #isReading = false;
  #waiting: Waiting[] = [];

  constructor(find: FindArrivals) {
    this.#find = find;
  }

  /** What was there when this was asked, and perhaps what came since. Throws as the reading does. */
  find(query: ArrivalQuery, bounds: ReadingBounds): Promise<FoundArrivals> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ query, bounds, resolve, reject });
      if (!this.#isReading) void this.#readAll();
    });
  }

  async #readAll(): Promise<void> {
    this.#isReading = true;
    while (this.#waiting.length > 0) {
      // Who comes from here on may ask for what is stored after this read began: the next one is theirs.
      const asked = this.#waiting;
      this.#waiting = [];
      const startMs = performance.now();
      for (const sharing of groupsOf(asked)) await this.#answer(sharing);
      const tookMs = performance.now() - startMs;
      if (tookMs > LONG_MS && this.#waiting.length > 0) await sleep(Math.min(tookMs, PAUSE_MAX_MS));
    }
    this.#isReading = false;
  }

  async #answer(sharing: readonly Waiting[]): Promise<void> {
    const [first] = sharing;
    if (first === undefined) return;
    const { bounds } = first;
    try {
      if (sharing.length === 1) {
        first.resolve(await this.#find(first.query, bounds));
        return;
      }
      const all = await this.#find({ hostIds: undefined, startNano: TIME_MIN, endNano: TIME_MAX }, bounds);
      for (const { query, resolve } of sharing) resolve(partOf(all, query) ?? this.#find(query, bounds));
    } catch (error) {
      for (const { reject } of sharing) reject(error);
    }
  }
}

/** Questions with the same bounds share one read. */
function groupsOf(asked: readonly Waiting[]): Waiting[][] {
  return [...Map.groupBy(asked, ({ bounds }) => `${bounds.blocksMax} ${bounds.bytesMax}`).values()];
}

/** What a query's own read would have found; undefined where this one ended before. */
function partOf({ arrivals, isAll }: FoundArrivals, query: ArrivalQuery): FoundArrivals | undefined {
  const { hostIds, startNano, endNano } = query;
  const floorNano = arrivals.at(-1)?.lastTimeNano;
  // Of those that end at the floor some may be missing.
  if (!isAll && (floorNano === undefined || startNano <= floorNano)) return undefined;
  const hosts = hostIds && new Set(hostIds);
  const own = arrivals.filter(
    ({ hostId, firstTimeNano, lastTimeNano }) =>
      firstTimeNano < endNano && lastTimeNano >= startNano && hosts?.has(hostId) !== false,
  );
  return { arrivals: own, isAll: true };
}
