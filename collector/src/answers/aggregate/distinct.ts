/** How many different values there are: exactly for few, and by an estimate of fixed size for many. */
/** Values of one set that are counted exactly. */
const EXACT_MAX = 10_000;
/** The same where all sets together have more than their share. */
const CROWDED_MAX = 64;
const INDEX_BITS = 12;
const REGISTERS: number = 1 << INDEX_BITS;
/** Bits of a hash that are left for the rank. */
const RANK_BITS = 53 - INDEX_BITS;
const RANK_SPAN: number = 2 ** RANK_BITS;

/** What all sets of one question share: how much they hold exactly. */
export class DistinctRoom {
  left: number;

  constructor(values: number) {
    this.left = values;
  }
}

/** Numbers as `numberOfText` gives them. */
export class DistinctSet {
  readonly #room: DistinctRoom;
  #exact: Set<number> | undefined = new Set();
  #ranks: Uint8Array | undefined;

  constructor(room: DistinctRoom) {
    this.#room = room;
  }

  get isEstimated(): boolean {
    return this.#ranks !== undefined;
  }

  add(number: number): void {
    const exact = this.#exact;
    if (exact === undefined) {
      this.#rank(number);
      return;
    }
    const before = exact.size;
    exact.add(number);
    if (exact.size === before) return;
    this.#room.left--;
    if (exact.size > EXACT_MAX || (this.#room.left < 0 && exact.size > CROWDED_MAX)) this.#estimate(exact);
  }

  #estimate(exact: ReadonlySet<number>): void {
    this.#ranks = new Uint8Array(REGISTERS);
    for (const number of exact) this.#rank(number);
    this.#exact = undefined;
    this.#room.left += exact.size;
  }

  /** Gives back what it holds. */
  forget(): void {
    this.#room.left += this.#exact?.size ?? 0;
    this.#exact = new Set();
    this.#ranks = undefined;
  }

  #rank(number: number): void {
    const ranks = this.#ranks as Uint8Array;
    const index = Math.floor(number / RANK_SPAN);
    const rest = number - index * RANK_SPAN;
    // Zeros before the first one, plus one.
    const rank = rest === 0 ? RANK_BITS + 1 : RANK_BITS - Math.floor(Math.log2(rest));
    if (rank > (ranks[index] ?? 0)) ranks[index] = rank;
  }

  count(): number {
    return this.#exact?.size ?? Math.round(estimate(this.#ranks as Uint8Array));
  }
}

/** Source: O. Ertl, New cardinality estimation algorithms for HyperLogLog sketches, arXiv:1702.01284, algorithm 6: no bias at any size. */
function estimate(ranks: Uint8Array): number {
  const counts = new Float64Array(RANK_BITS + 2);
  for (const rank of ranks) counts[rank] = (counts[rank] ?? 0) + 1;
  let sum = REGISTERS * tau(1 - (counts[RANK_BITS + 1] ?? 0) / REGISTERS);
  for (let rank = RANK_BITS; rank >= 1; rank--) sum = (sum + (counts[rank] ?? 0)) / 2;
  sum += REGISTERS * sigma((counts[0] ?? 0) / REGISTERS);
  return REGISTERS ** 2 / (2 * Math.LN2 * sum);
}

function sigma(share: number): number {
  if (share === 1) return Infinity;
  let [x, y, sum, before] = [share, 1, share, -1];
  while (sum !== before) {
    x *= x;
    before = sum;
    sum += x * y;
    y += y;
  }
  return sum;
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0;
  let [x, y, sum, before] = [share, 1, 1 - share, -1];
  while (sum !== before) {
    x = Math.sqrt(x);
    before = sum;
    y /= 2;
    sum -= (1 - x) ** 2 * y;
  }
  return sum / 3;
}
