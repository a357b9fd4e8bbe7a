import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { byGroup, pairsOf } from "./pairs.ts";

/** Numbers of pairs in the order in which they first occur, looked up one by one. */
function slowly(firsts: readonly number[], seconds: readonly number[]): { numbers: number[]; pairs: string[] } {
  const pairs: string[] = [];
  const numbers = firsts.map((first, at) => {
    const pair = `${first} ${seconds[at]}`;
    if (!pairs.includes(pair)) pairs.push(pair);
    return pairs.indexOf(pair);
  });
  return { numbers, pairs };
}

describe("pairs of numbers", () => {
  // A table for few possible pairs, a map for many.
  for (const most of [1, 7, 500, 2000, 60_000]) {
    it(`get numbers in the order in which they first occur, of ${most} times ${most} possible ones`, () => {
      const item = fc.tuple(fc.nat(most - 1), fc.nat(most - 1));
      // Some occur often.
      const items = fc.tuple(fc.array(item, { minLength: 1, maxLength: 20 }), fc.array(fc.nat(19), { maxLength: 60 }));
      fc.assert(
        fc.property(items, ([pool, picks]) => {
          const list = picks.map((pick) => pool[pick % pool.length] ?? [0, 0]);
          const [firsts, seconds] = [list.map(([first = 0]) => first), list.map(([, second = 0]) => second)];
          const found = pairsOf(
            { firsts: Uint32Array.from(firsts), firstCount: most },
            { seconds: Uint32Array.from(seconds), secondCount: most },
          );
          const expected = slowly(firsts, seconds);
          assert.deepEqual([...found.numbers], expected.numbers);
          assert.deepEqual(
            Array.from(found.firsts, (first, at) => `${first} ${found.seconds[at]}`),
            expected.pairs,
          );
        }),
        { numRuns: 100 },
      );
    });
  }

  it("are put in order of their groups, those of a group as they came", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5), { maxLength: 30 }), (groups) => {
        const { offsets, order } = byGroup(Uint32Array.from(groups), 6);
        for (let group = 0; group < 6; group++) {
          const expected = [...groups.keys()].filter((at) => groups[at] === group);
          assert.deepEqual([...order.subarray(offsets[group], offsets[group + 1])], expected);
        }
      }),
    );
  });
});
