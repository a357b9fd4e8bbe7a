/** Nanoseconds since 1970 of many events, without a BigInt for each of them. */

const TWO_32 = 0x100000000;
const SECOND_NANO = 1e9;
/** A double of nanoseconds of our times is off by less. */
const INEXACT_NANO = 2048;

export class NanoTimes {
  readonly #nano: BigInt64Array;
  readonly #halves: Int32Array;

  constructor(nano: BigInt64Array) {
    this.#nano = nano;
    // Typed arrays are little-endian on every machine that we run on; lib/block relies on it as well.
    this.#halves = new Int32Array(nano.buffer, nano.byteOffset, nano.length * 2);
  }

  low(at: number): number {
    return (this.#halves[2 * at] ?? 0) >>> 0;
  }

  high(at: number): number {
    return this.#halves[2 * at + 1] ?? 0;
  }

  isBefore(one: number, other: number): boolean {
    const halves = this.#halves;
    const difference = (halves[2 * one + 1] as number) - (halves[2 * other + 1] as number);
    if (difference !== 0) return difference < 0;
    return (halves[2 * one] as number) >>> 0 < (halves[2 * other] as number) >>> 0;
  }

  /** The times at these places. */
  of(places: Uint32Array): BigInt64Array {
    const halves = new Int32Array(places.length * 2);
    for (let at = 0; at < places.length; at++) {
      const place = places[at] as number;
      halves[2 * at] = this.#halves[2 * place] ?? 0;
      halves[2 * at + 1] = this.#halves[2 * place + 1] ?? 0;
    }
    return new BigInt64Array(halves.buffer);
  }

  /** Number of the stretch of so many seconds that the time is in. */
  stretch(at: number, seconds: number): number {
    const nano = this.high(at) * TWO_32 + this.low(at);
    const whole = Math.floor(nano / SECOND_NANO);
    const rest = nano - whole * SECOND_NANO;
    if (rest > INEXACT_NANO && rest < SECOND_NANO - INEXACT_NANO) return Math.floor(whole / seconds);
    const exact = this.#nano[at] ?? 0n;
    const second = exact / 1_000_000_000n - (exact < 0n && exact % 1_000_000_000n !== 0n ? 1n : 0n);
    return Math.floor(Number(second) / seconds);
  }
}
