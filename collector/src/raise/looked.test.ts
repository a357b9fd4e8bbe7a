import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Looked } from "./looked.ts";

const HOST = "a".repeat(32);
const DAY_MS = 86_400_000;

function trailOf(ranges: { first: bigint; next: bigint }[], floor = 0n): Parameters<Looked["missing"]>[0] {
  return { hostId: HOST, trail: [{ epoch: 1n, floor, ranges }] };
}

describe("what rules were held against", () => {
  it("leaves of what is stored what a set of numbers leaves, also after it was saved", () => {
    const range = fc
      .tuple(fc.nat(60), fc.nat(12))
      .map(([first, length]) => ({ first: BigInt(first), next: BigInt(first + length) }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 20 }), range, (added, stored) => {
        const looked = new Looked([], 1, 0);
        const numbers = new Set<bigint>();
        for (const { first, next } of added) {
          looked.add({ hostId: HOST, epoch: 1n, first, next }, 0);
          for (let number = first; number < next; number++) numbers.add(number);
        }
        const wanted: bigint[] = [];
        for (let number = stored.first; number < stored.next; number++) if (!numbers.has(number)) wanted.push(number);
        for (const each of [looked, new Looked(looked.state(), looked.sinceMs, 0)]) {
          const missing = each.missing(trailOf([stored]));
          const found = missing.flatMap(({ first, next }) =>
            Array.from({ length: Number(next - first) }, (_, at) => first + BigInt(at)),
          );
          assert.deepEqual(found, wanted);
        }
        const ranges = looked.state();
        for (const [at, each] of ranges.entries())
          assert.ok(at === 0 || (ranges[at - 1]?.next ?? 0n) < each.first, "they are apart");
      }),
    );
  });

  it("tells hosts and epochs apart", () => {
    const looked = new Looked([{ hostId: HOST, epoch: 1n, first: 0n, next: 10n }], 1, 0);
    assert.deepEqual(looked.missing(trailOf([{ first: 0n, next: 10n }])), []);
    const other = { hostId: "b".repeat(32), trail: [{ epoch: 1n, floor: 0n, ranges: [{ first: 3n, next: 4n }] }] };
    assert.equal(looked.missing(other).length, 1);
    assert.equal(
      looked.missing({ hostId: HOST, trail: [{ epoch: 2n, floor: 0n, ranges: [{ first: 0n, next: 1n }] }] }).length,
      1,
    );
  });

  it("forgets what no document tells of, and no sooner than it may be told of", () => {
    const looked = new Looked([], 1, 0);
    looked.add({ hostId: HOST, epoch: 1n, first: 0n, next: 10n }, 0);
    looked.add({ hostId: HOST, epoch: 1n, first: 20n, next: 30n }, 0);
    looked.trim(trailOf([{ first: 20n, next: 30n }], 15n), 0);
    assert.deepEqual(
      looked.state().map(({ first }) => first),
      [20n],
    );
    // What was looked at and is not stored yet.
    looked.trimHosts(new Set(), DAY_MS);
    assert.equal(looked.state().length, 1);
    looked.trimHosts(new Set([HOST]), DAY_MS + 1);
    assert.equal(looked.state().length, 1);
    looked.trimHosts(new Set(), DAY_MS + 1);
    assert.equal(looked.state().length, 0);
  });
});
