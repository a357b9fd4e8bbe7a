import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  ANY,
  containing,
  endingWith,
  matcherOf,
  ONE,
  parsePattern,
  type Pattern,
  patternText,
  startingWith,
} from "./pattern.ts";

/** As the specification's table of escapes has them. */
const ESCAPES: [string, Pattern][] = [
  ["a\\b", ["a\\b"]],
  ["a\\\\b", ["a\\b"]],
  ["a\\*b", ["a*b"]],
  ["a\\?b", ["a?b"]],
  ["a\\\\*b", ["a\\", ANY, "b"]],
  ["a\\\\\\*b", ["a\\*b"]],
  ["\\\\\\server", ["\\\\server"]],
  ["\\\\\\\\server", ["\\\\server"]],
  ["a\\", ["a\\"]],
  ["a**b", ["a", ANY, "b"]],
  ["?*?", [ONE, ANY, ONE]],
  ["", []],
];

describe("patterns", () => {
  for (const [text, expected] of ESCAPES) {
    it(`reads ${JSON.stringify(text)}`, () => assert.deepEqual(parsePattern(text), expected));
  }

  it("are written so that they are read again", () => {
    const part = fc.oneof(fc.constant(ANY), fc.constant(ONE), fc.stringMatching(/^[ab*?\\]{1,4}$/));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const pattern = parts.reduce<Pattern>(
          (joined, next) => parsePattern(patternText(joined) + patternText([next])),
          [],
        );
        assert.deepEqual(parsePattern(patternText(pattern)), pattern);
      }),
    );
  });

  it("match what a regular expression of the same meaning finds", () => {
    const part = fc.oneof(fc.constant(ANY), fc.constant(ONE), fc.stringMatching(/^[ab]{1,3}$/));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 7 }), fc.stringMatching(/^[ab]{0,12}$/), (parts, text) => {
        const source = parts.map((each) => (each === ANY ? ".*" : each === ONE ? "." : each)).join("");
        assert.equal(matcherOf(parts)(text), new RegExp(`^${source}$`, "s").test(text));
      }),
      { numRuns: 5000 },
    );
  });

  it("stand at the beginning, at the end or anywhere", () => {
    const pattern = parsePattern("b?d");
    assert.deepEqual(
      [startingWith, endingWith, containing].map((place) => patternText(place(pattern))),
      ["b?d*", "*b?d", "*b?d*"],
    );
    assert.equal(patternText(containing(parsePattern("*x*"))), "*x*");
  });

  it("take no longer for texts that nearly match again and again", () => {
    const matches = matcherOf(parsePattern(`${"*a".repeat(200)}*b`));
    const before = process.cpuUsage();
    assert.equal(matches("a".repeat(100_000)), false);
    const { user, system } = process.cpuUsage(before);
    assert.ok((user + system) / 1e6 < 5);
  });
});
