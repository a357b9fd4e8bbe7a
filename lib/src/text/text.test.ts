import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { line, printable, shorten, stretchesOf, visible } from "./index.ts";

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

describe("a line of it", () => {
  it("has no character that steers what shows it, and can be sent", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const seen = visible(`${text}\ud800\u001b\u202e`);
        assert.ok(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(seen) && seen.isWellFormed(), JSON.stringify(seen));
      }),
    );
  });

  it("is cut between characters, with a sign of it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 20 }), (text, lengthMax) => {
        const characters = Array.from(shorten(text, lengthMax));
        assert.ok(characters.length <= lengthMax);
        if (Array.from(text).length > lengthMax) assert.equal(characters.at(-1), "…");
        else assert.equal(characters.join(""), text);
      }),
    );
    assert.equal(line("💣".repeat(50), 3), "💣💣…");
  });

  it("shows what was made visible in the form that the command line has", () => {
    assert.equal(visible("a\u001b[31m\u202e\n"), "a\\x1b[31m\\u{202e}\\x0a");
  });
});
