import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hashOf } from "./fold.ts";
import { Seen } from "./seen.ts";

const digest = (text: string): Uint8Array => Buffer.from(hashOf(text), "hex").subarray(0, 8);

describe("messages that were seen", () => {
  it("are known again, also by who goes on from the state", () => {
    const seen = new Seen(10);
    assert.equal(seen.add(digest("a")), true);
    assert.equal(seen.add(digest("a")), false);
    const later = new Seen(10, seen.state());
    assert.equal(later.add(digest("a")), false);
    assert.equal(later.add(digest("b")), true);
  });

  it("are forgotten at the bound, the oldest first", () => {
    const seen = new Seen(3);
    for (const text of ["a", "b", "c", "d"]) seen.add(digest(text));
    assert.equal(seen.state().length, 24);
    assert.equal(seen.add(digest("b")), false);
    assert.equal(seen.add(digest("a")), true);
  });
});
