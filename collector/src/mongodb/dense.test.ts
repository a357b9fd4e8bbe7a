import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fromDense, toDense } from "./dense.ts";

describe("dense text", () => {
  it("gives bytes back, in no more than 1.24 of their number, and JSON escapes none of it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = toDense(bytes);
        assert.deepEqual(Array.from(fromDense(text)).slice(0, bytes.length), Array.from(bytes));
        // Up to one byte more, of zeros: whoever writes it knows how many there were.
        assert.ok(fromDense(text).length - bytes.length <= 1);
        assert.equal(JSON.stringify(text).length, text.length + 2);
        assert.doesNotMatch(text, /["&<>\\]/);
        assert.ok(text.length <= Math.ceil(bytes.length * 1.24) + 1);
      }),
    );
    const large = randomBytes(1_000_003);
    assert.ok(Buffer.from(fromDense(toDense(large)).subarray(0, large.length)).equals(large));
  });

  it("refuses what it would never write", () => {
    for (const wrong of ["a", 'a"', "a<b!", "\u0100\u0100", "\u007f\u007f", "\n "]) {
      assert.throws(() => fromDense(wrong), RangeError, wrong);
    }
  });
});
