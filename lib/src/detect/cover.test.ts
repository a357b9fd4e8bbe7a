import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { smallestCover } from "./cover.ts";

const CANDIDATES = 8;
const elements = fc.array(fc.uniqueArray(fc.nat(CANDIDATES - 1), { minLength: 1, maxLength: 4 }), { maxLength: 14 });

function covers(chosen: readonly number[], list: readonly (readonly number[])[]): boolean {
  return list.every((element) => element.some((candidate) => chosen.includes(candidate)));
}

/** By trying all. */
function fewest(list: readonly (readonly number[])[]): number {
  let least = CANDIDATES;
  for (let bits = 0; bits < 1 << CANDIDATES; bits++) {
    const chosen = Array.from({ length: CANDIDATES }, (_, at) => at).filter((at) => (bits & (1 << at)) !== 0);
    if (chosen.length < least && covers(chosen, list)) least = chosen.length;
  }
  return least;
}

describe("the smallest cover", () => {
  it("covers everything with as few as trying all of them finds, and knows it", () => {
    fc.assert(
      fc.property(elements, (list) => {
        const { chosen, lowerBound } = smallestCover(list);
        assert.ok(covers(chosen, list));
        assert.equal(chosen.length, fewest(list));
        assert.equal(lowerBound, chosen.length);
      }),
      { numRuns: 500 },
    );
  });

  it("covers everything where it may not look for long, and never claims more than is so", () => {
    fc.assert(
      fc.property(elements, fc.nat(3), (list, steps) => {
        const { chosen, lowerBound } = smallestCover(list, steps);
        assert.ok(covers(chosen, list));
        const least = fewest(list);
        assert.ok(lowerBound <= least && least <= chosen.length, `${lowerBound} ${least} ${chosen.length}`);
      }),
      { numRuns: 500 },
    );
    // Every two of seven share a candidate: nothing is apart, and one cannot do.
    const pairs = Array.from({ length: 7 }, (_, at) => [at, (at + 1) % 7]);
    assert.deepEqual(smallestCover(pairs, 0).lowerBound < 4, true);
    assert.deepEqual(smallestCover(pairs).lowerBound, 4);
  });
});
