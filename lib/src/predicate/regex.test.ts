import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileRegex } from "./regex.ts";

describe("regular expressions", () => {
  it("are of the case they are written in, unless a flag says otherwise", () => {
    assert.equal(compileRegex("a.c", "")("xABCx"), false);
    assert.equal(compileRegex("a.c", "i")("xABCx"), true);
    assert.equal(compileRegex("^b", "m")("a\nb"), true);
    assert.equal(compileRegex("a.b", "s")("a\nb"), true);
  });

  const wrong: [string, RegExp][] = [
    ["(?=a)b", /no look-ahead/],
    ["(a)\\1", /no back-references/],
    ["(a", /not understood/],
    ["a".repeat(5000), /5000 characters; at most 4096/],
    ["(.{1000}){1000}", /not understood|steps; at most/],
  ];
  for (const [source, message] of wrong)
    it(`${source.slice(0, 20)} is refused, and why`, () =>
      assert.throws(() => compileRegex(source, ""), { name: "RegexError", message }));

  it("take linear time where others take for ever", () => {
    const test = compileRegex("(a+)+$", "");
    assert.equal(test(`${"a".repeat(10_000)}b`), false);
  });
});
