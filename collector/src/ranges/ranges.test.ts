import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { normalized, type Ranges, sizeOf, split } from "./index.ts";

const ranges = fc
  .array(fc.record({ first: fc.bigInt(0n, 60n), size: fc.bigInt(0n, 8n) }), { maxLength: 12 })
  .map((list) => list.map(({ first, size }) => ({ first, next: first + size })));

function members(list: Ranges): Set<bigint> {
  const found = new Set<bigint>();
  for (const { first, next } of list) for (let at = first; at < next; at++) found.add(at);
  return found;
}

describe("ranges of numbers", () => {
  it("have the same members in order, apart from each other", () => {
    fc.assert(
      fc.property(ranges, (list) => {
        const result = normalized(list);
        assert.deepEqual(members(result), new Set([...members(list)].sort((a, b) => Number(a - b))));
        for (const [at, { first }] of result.entries())
          if (at > 0) assert.ok(first > (result[at - 1]?.next ?? 0n), "they neither touch nor overlap");
        assert.equal(sizeOf(result), BigInt(members(list).size));
      }),
    );
  });

  it("are split by others as sets are", () => {
    fc.assert(
      fc.property(ranges, ranges, (some, others) => {
        const [a, b] = [normalized(some), normalized(others)];
        const { within, without } = split(a, b);
        assert.deepEqual(members(within), new Set([...members(a)].filter((each) => members(b).has(each))));
        assert.deepEqual(members(without), new Set([...members(a)].filter((each) => !members(b).has(each))));
      }),
    );
  });
});
