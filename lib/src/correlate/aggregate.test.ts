import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ValuePercentile } from "./aggregate.ts";
import type { Entry } from "./entry.ts";
import { ExactSum, NUMBER_MAX } from "./sum.ts";

/** A number as a whole number of the smallest there is. */
function exactly(number: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, number);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xf_ffff_ffff_ffffn;
  const size = exponent === 0 ? fraction : (fraction | 0x10_0000_0000_0000n) << BigInt(exponent - 1);
  return bits >> 63n === 1n ? -size : size;
}

/** The number that is nearest; of two the even one. */
function nearest(exact: bigint): number {
  const size = exact < 0n ? -exact : exact;
  const excess = size.toString(2).length - 53;
  if (excess <= 0) return Number(exact) * 2 ** -1074;
  const shift = BigInt(excess);
  const rest = size & ((1n << shift) - 1n);
  const half = 1n << (shift - 1n);
  let kept = size >> shift;
  if (rest > half || (rest === half && kept % 2n === 1n)) kept++;
  const value = Number(kept) * 2 ** Math.max(excess - 1074, -1074);
  return exact < 0n ? -value : value;
}

const number = fc.oneof(
  fc.double({ noNaN: true, min: -NUMBER_MAX, max: NUMBER_MAX }),
  fc.double({ noNaN: true, min: -1, max: 1 }),
  fc.integer().map((whole) => whole / 4),
  fc.constantFrom(1, 2 ** -53, -(2 ** -53), 2 ** 53, 2 ** 54 + 4, 5e-324, 1e17, 0.1),
);

describe("sums", () => {
  it("are the nearest number to what is exact, whatever came and went before", () => {
    fc.assert(
      fc.property(fc.array(number, { maxLength: 30 }), fc.array(number, { maxLength: 30 }), (gone, kept) => {
        const sum = new ExactSum();
        const all = [...gone, ...kept].sort((a, b) => a - b);
        for (const one of all) sum.add(one);
        for (const one of gone) sum.add(-one);
        const exact = kept.reduce((total, one) => total + exactly(one), 0n);
        assert.equal(sum.value() + 0, nearest(exact) + 0);
      }),
      { numRuns: 3000 },
    );
  });
});

describe("percentiles", () => {
  it("are those of the numbers in the window, added and removed in whatever portions", () => {
    const entryOf = (value: number): Entry => ({
      seconds: 0,
      nanos: 0,
      id: "",
      isInner: false,
      hostId: "",
      receivedNano: 0n,
      isLate: false,
      rules: [],
      values: [value],
    });
    const portion = fc.record({
      added: fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 40 }),
      removed: fc.nat(40),
    });
    fc.assert(
      fc.property(fc.array(portion, { maxLength: 8 }), fc.nat(100), (portions, percentile) => {
        const aggregate = new ValuePercentile(percentile);
        let window: number[] = [];
        for (const { added, removed } of portions) {
          for (const value of added) aggregate.add(entryOf(value));
          window.push(...added);
          for (const value of window.slice(0, removed)) aggregate.remove(entryOf(value));
          window = window.slice(removed);
          if (window.length === 0) continue;
          const sorted = window.toSorted((a, b) => a - b);
          const rank = (percentile / 100) * (sorted.length - 1);
          const low = sorted[Math.floor(rank)] as number;
          const high = sorted[Math.ceil(rank)] as number;
          assert.equal(aggregate.measure(), low + (high - low) * (rank - Math.floor(rank)));
        }
      }),
      { numRuns: 1000 },
    );
  });
});
