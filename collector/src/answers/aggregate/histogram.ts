/** Events of each group by stretches of time. */
import type { HistogramBucket } from "@hosttrail/proto/analysis";
import type { ReducedBuckets } from "../../reduce/index.ts";
import { Floats, type Moves } from "./floats.ts";

/** More buckets than a question may ask for. */
const BUCKETS_SPAN = 16_384;

export class Histogram {
  readonly #seconds: number;
  readonly #firstStretch: number;
  #cells = new Map<number, number>();
  #counts = new Floats(0);

  /** `firstStretch`: number of the stretch that the earliest event can be in. */
  constructor(seconds: number, firstStretch: number) {
    this.#seconds = seconds;
    this.#firstStretch = firstStretch;
  }

  /** Buckets of all groups that have events. */
  get size(): number {
    return this.#cells.size;
  }

  /** Adds the buckets of one group of a part. */
  add(slot: number, { offsets, stretches, counts }: ReducedBuckets, group: number): void {
    const end = offsets[group + 1] ?? 0;
    for (let at = offsets[group] ?? 0; at < end; at++) {
      const cell = this.#cellOf(slot * BUCKETS_SPAN + (stretches[at] ?? 0));
      this.#counts.values[cell] = this.#counts.at(cell) + (counts[at] ?? 0);
    }
  }

  #cellOf(key: number): number {
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    const cell = this.#cells.size;
    this.#cells.set(key, cell);
    this.#counts.reach(cell);
    return cell;
  }

  /** The buckets of these groups, in the order of time. */
  answers(slots: readonly number[]): Map<number, HistogramBucket[]> {
    const found = new Map<number, [stretch: number, count: number][]>(slots.map((slot) => [slot, []]));
    for (const [key, cell] of this.#cells) {
      const slot = Math.floor(key / BUCKETS_SPAN);
      found.get(slot)?.push([(key % BUCKETS_SPAN) + this.#firstStretch, this.#counts.at(cell)]);
    }
    const bucketOf = ([stretch, count]: [number, number]): HistogramBucket => ({
      startTime: { seconds: BigInt(stretch * this.#seconds), nanos: 0 },
      count: BigInt(count),
    });
    return new Map(Array.from(found, ([slot, list]) => [slot, list.sort(([a], [b]) => a - b).map(bucketOf)]));
  }

  move({ from, to }: Moves): void {
    const targets = new Map(from.map((slot, at) => [slot, to[at] ?? 0]));
    const [cells, counts] = [this.#cells, this.#counts];
    this.#cells = new Map();
    this.#counts = new Floats(0);
    for (const [key, cell] of cells) {
      const target = targets.get(Math.floor(key / BUCKETS_SPAN));
      if (target === undefined) continue;
      this.#counts.values[this.#cellOf(target * BUCKETS_SPAN + (key % BUCKETS_SPAN))] = counts.at(cell);
    }
  }
}
