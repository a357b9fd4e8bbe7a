/**
 * Sums of numbers that come and go, exact until they are read. A plain sum would depend on what had been in the window before, and
 * thereby on the order of arrival.
 *
 * After Shewchuk, Adaptive Precision Floating-Point Arithmetic (1997): the sum is kept as numbers that do not overlap, smallest first.
 */
export class ExactSum {
  readonly #parts: number[] = [];

  clear(): void {
    this.#parts.length = 0;
  }

  /** Numbers up to NUMBER_MAX; beyond it sums of them could leave the range of numbers. */
  add(number: number): void {
    const parts = this.#parts;
    let sum = number;
    let kept = 0;
    for (const part of parts) {
      const [big, small] = Math.abs(sum) < Math.abs(part) ? [part, sum] : [sum, part];
      sum = big + small;
      const lost = small - (sum - big);
      if (lost !== 0) parts[kept++] = lost;
    }
    parts.length = kept;
    if (sum !== 0) parts.push(sum);
  }

  /** The number that is nearest to the sum; of two the even one. */
  value(): number {
    const parts = this.#parts;
    let at = parts.length - 1;
    if (at < 0) return 0;
    let high = parts[at] as number;
    let low = 0;
    while (at > 0 && low === 0) {
      const big = high;
      const small = parts[--at] as number;
      high = big + small;
      low = small - (high - big);
    }
    // Halfway between two numbers, what is still below decides. Source: fsum of CPython's mathmodule.c.
    const below = at > 0 ? (parts[at - 1] as number) : 0;
    if ((low < 0 && below < 0) || (low > 0 && below > 0)) {
      const twice = low * 2;
      const rounded = high + twice;
      if (twice === rounded - high) return rounded;
    }
    return high;
  }
}

export const NUMBER_MAX = 1e290;
