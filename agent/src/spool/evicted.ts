/** Which blocks were given up, as ranges: the count goes on where there are more than somebody takes. */
import type { NumberRange } from "./ranges.ts";

/** Ranges that are remembered until somebody takes them. */
const RANGES_MAX = 64;

export class EvictedRanges {
  #ranges: NumberRange[] = [];

  add({ epoch, firstSeq, count }: NumberRange): void {
    const last = this.#ranges.at(-1);
    if (last?.epoch === epoch && last.firstSeq + BigInt(last.count) === firstSeq) last.count += count;
    else if (this.#ranges.length < RANGES_MAX) this.#ranges.push({ epoch, firstSeq, count });
  }

  /** Those since this was called last. */
  take(): NumberRange[] {
    const taken = this.#ranges;
    this.#ranges = [];
    return taken;
  }
}
