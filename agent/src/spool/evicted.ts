/** Which blocks were given up, as ranges: the count goes on where there are more than somebody takes. */

/** Blocks that were evicted, one after the other. */
export interface EvictedRange {
  epoch: bigint;
  firstSeq: bigint;
  count: number;
}

/** Ranges that are remembered until somebody takes them. */
const RANGES_MAX = 64;

export class EvictedRanges {
  #ranges: EvictedRange[] = [];

  add({ epoch, firstSeq, count }: EvictedRange): void {
    const last = this.#ranges.at(-1);
    if (last?.epoch === epoch && last.firstSeq + BigInt(last.count) === firstSeq) last.count += count;
    else if (this.#ranges.length < RANGES_MAX) this.#ranges.push({ epoch, firstSeq, count });
  }

  /** Those since this was called last. */
  take(): EvictedRange[] {
    const taken = this.#ranges;
    this.#ranges = [];
    return taken;
  }
}
