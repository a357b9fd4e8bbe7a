import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { requiredAny } from "./literals.ts";
import { compileRegex } from "./regex.ts";

const CASES: [string, string[]][] = [
  ["abc", ["abc"]],
  ["ABC", ["abc"]],
  ["ab?cde", ["cde"]],
  ["abc+d", ["ab"]],
  ["x{2}yz", ["yz"]],
  ["a.bcd", ["bcd"]],
  ["a|bcd", []],
  ["foo|bar", ["foo", "bar"]],
  ["(a|b)cde", ["acde", "bcde"]],
  ["(foo|bar)\\s+\\S*baz+", ["foo", "bar"]],
  ["(foo|bars)\\s", ["foo", "bars"]],
  ["(?:one|two)?three", ["three"]],
  ["[ab]xyz", ["axyz", "bxyz"]],
  ["[^a]xyz", ["xyz"]],
  ["[a-z]xyz", ["xyz"]],
  ["[]a]xyz", ["]xyz", "axyz"]],
  ["^/tmp/\\.x$", ["/tmp/.x"]],
  ["\\d+abc", ["abc"]],
  ["\\x41bc", []],
  ["\\Qa|b\\E", []],
  ["(?i)ABC", ["abc"]],
  ["(?P<name>abc)d", ["abcd"]],
  [".*", []],
  ["ſtraße", ["tra"]],
  ["a{0,2}bc", ["bc"]],
  ["(ab){2,}", ["ab"]],
  ["(a", []],
  ["*a", []],
  ["^\\[[a-z]+\\]", ["["]],
  ["a;b?", ["a;"]],
  ["[;|]", [";", "|"]],
  ["[;a]", []],
];

describe("what a regular expression needs", () => {
  for (const [source, expected] of CASES)
    it(`${source} needs one of ${JSON.stringify(expected)}`, () => assert.deepEqual(requiredAny(source), expected));

  it("stands in every text that it finds, in whatever case", () => {
    const part = fc.constantFrom(
      ..."a b c ab . a* b? c+ (a|b) (ab)? (ab|c)+ [ab] [^a] [a-c] a{2} (ab){1,2} b{0,1} \\. ; \\[ [;|] [;a] ^ $ (?:b|) \\b \\s | (?i) ) (".split(
        " ",
      ),
    );
    const source = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(""));
    let found = 0;
    fc.assert(
      fc.property(source, fc.boolean(), fc.stringMatching(/^[abcABC. ;|[]{0,10}$/), (joined, anyCase, text) => {
        let test: (text: string) => boolean;
        try {
          test = compileRegex(joined, anyCase ? "i" : "");
        } catch {
          return;
        }
        if (!test(text)) return;
        const needed = requiredAny(joined);
        if (needed.length > 0) found++;
        const lower = text.toLowerCase();
        assert.ok(
          needed.length === 0 || needed.some((each) => lower.includes(each)),
          `${joined} finds ${JSON.stringify(text)} and needs ${JSON.stringify(needed)}`,
        );
      }),
      { numRuns: 20_000 },
    );
    assert.ok(found > 100, `only ${found} said something`);
  });

  it("is known of most of the baseline's expressions", () => {
    const folder = new URL("../../../rules/baseline", import.meta.url).pathname;
    const texts = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".yml"))
      .map((name) => readFileSync(join(folder, name), "utf8"));
    const sources = texts.flatMap((text) =>
      Array.from(text.matchAll(/\|re: '((?:[^']|'')*)'/g), ([, found]) => (found ?? "").replaceAll("''", "'")),
    );
    assert.ok(sources.length > 200);
    const known = sources.filter((source) => requiredAny(source).length > 0);
    assert.ok(known.length > sources.length * 0.8, `${known.length} of ${sources.length}`);
  });
});
