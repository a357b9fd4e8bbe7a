import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileRuleRegex } from "./regex.ts";

describe("a rule's regular expression", () => {
  it("is refused with the rule's line where it cannot be used", () =>
    assert.throws(() => compileRuleRegex("(a", "", 7), { name: "SigmaError", line: 7, message: /not understood/ }));

  it("is found anywhere, in the case that its flags say", () => {
    assert.equal(compileRuleRegex("a.c", "", 1)("xABCx"), false);
    assert.equal(compileRuleRegex("a.c", "i", 1)("xABCx"), true);
  });
});
