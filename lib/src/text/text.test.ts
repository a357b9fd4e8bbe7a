import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { printable, stretchesOf } from "./index.ts";

describe("text that somebody else chose", () => {
  it("has its control, bidi and zero width characters spelled", () => {
    assert.equal(printable("a\x1b[31mb\u202ec\u200bd\u2028e"), "a\\x1b[31mb\\u{202e}c\\u{200b}d\\u{2028}e");
  });

  it("tells what is spelled from the same spelling in the text itself", () => {
    assert.deepEqual(stretchesOf("\\x1b\x1b!"), [
      { text: "\\x1b", isSpelled: false },
      { text: "\\x1b", isSpelled: true },
      { text: "!", isSpelled: false },
    ]);
  });

  it("comes in stretches that together are the printable text, and hold nothing unseen", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const stretches = stretchesOf(text);
        assert.equal(stretches.map(({ text: part }) => part).join(""), printable(text));
        assert.ok(stretches.every(({ text: part }) => part !== "" && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(part)));
      }),
    );
  });
});
