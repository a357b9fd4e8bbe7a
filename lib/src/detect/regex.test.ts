import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { compileRegex, requiredPart } from "./regex.ts";

const CASES: [string, string][] = [
  ["abc", "abc"],
  ["ab?cde", "cde"],
  ["abc+d", "abc"],
  ["x{2}yz", "yz"],
  ["a.bcd", "bcd"],
  ["a|bcd", ""],
  ["(a|b)cde", "cde"],
  ["(a[)]b)cde", "cde"],
  ["[]a]xyz", "xyz"],
  ["^/tmp/\\.x$", "/tmp/.x"],
  ["\\d+abc", "abc"],
  ["\\sabc", "abc"],
  ["\\Qa|b\\E", ""],
  ["(?i)ABC", "abc"],
  [".*", ""],
];

describe("regular expressions", () => {
  for (const [source, expected] of CASES)
    it(`${source} needs "${expected}"`, () => assert.equal(requiredPart(source), expected));

  it("find nothing in a text without the part that they need", () => {
    const source = fc.array(
      fc.constantFrom(
        "a",
        "b",
        "c",
        ".",
        "a*",
        "b?",
        "c+",
        "(a|b)",
        "(ab)?",
        "[ab]",
        "a{2}",
        "\\.",
        "^",
        "$",
        "(?:b|)",
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(source, fc.stringMatching(/^[abc.]{0,10}$/), (parts, text) => {
        const joined = parts.join("");
        const part = requiredPart(joined);
        if (compileRegex(joined, "", 1)(text)) assert.ok(text.includes(part), `${joined} ${text} ${part}`);
      }),
      { numRuns: 5000 },
    );
  });
});
