import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mergedRanges, rangesText } from "./ranges.ts";

const range = (epoch: bigint, firstSeq: bigint, count: number) => ({ epoch, firstSeq, count });

describe("ranges of numbers", () => {
  it("are one where they follow each other, whatever their order", () => {
    const merged = mergedRanges([range(1n, 10n, 5), range(1n, 0n, 10), range(2n, 15n, 1), range(1n, 20n, 2)], 8);
    assert.equal(rangesText(merged), "1-0+15 1-20+2 2-15+1");
  });

  it("lose none of their numbers where there are more than are wanted", () => {
    const many = [0n, 10n, 20n, 30n].map((first) => range(10n, first, 1));
    assert.equal(rangesText(mergedRanges([...many, range(11n, 5n, 1)], 2)), "a-0+1 a-10+21 b-5+1");
  });
});
