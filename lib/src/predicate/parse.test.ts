import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatFilter } from "./format.ts";
import { compileFilter, DEPTH_MAX, FILTER_LENGTH_MAX, FilterError, parseFilter, RESTRICTIONS_MAX } from "./index.ts";
import type { Tree } from "./tree.ts";

const WRONG: [text: string, column: number, message: RegExp][] = [
  ["user.name =", 12, /ends where a value is expected/],
  ["user.name = root AND", 21, /ends where a field, a function or a word is expected/],
  ["user.name = root OR", 20, /ends where/],
  ["NOT", 4, /ends where/],
  ["-", 1, /"-" alone/],
  ["a - b", 3, /"-" alone/],
  ["AND a", 1, /"AND" where a field, a function or a word is expected/],
  ["a AND AND b", 7, /"AND" where/],
  ["a OR OR b", 6, /"OR" where/],
  ["a AND OR b", 7, /"OR" where/],
  ["NOT NOT a", 1, /negation of a negation/],
  ["NOT -a", 1, /negation of a negation/],
  ["--a", 1, /negation of a negation/],
  ["(a", 1, /a bracket that is never closed/],
  ["(a b", 1, /a bracket that is never closed/],
  ["a)", 2, /"\)" where AND, OR or the end is expected; no bracket is open/],
  ["()", 2, /nothing in brackets/],
  ["user.name = ()", 14, /nothing in brackets/],
  ["user.name = (a OR b = c)", 19, /a comparison where a value is expected/],
  ["user.name != (a OR b)", 14, /brackets behind !=; allowed are they behind = and :, as in NOT field = \(a OR b\)/],
  ["process.pid > (1 OR 2)", 15, /brackets behind >/],
  ["user.name == root", 12, /"=" where a value is expected; equal is written =/],
  ["user.name = = root", 13, /"=" where a value is expected/],
  ["= root", 1, /"=" where a field, a function or a word is expected/],
  ["user.name <> root", 12, /">" where a value is expected/],
  ["user.name = AND", 13, /"AND" where a value is expected; the word itself is written in quotes/],
  ['user.name = "a', 13, /a quote that is never closed/],
  ["'", 1, /a quote that is never closed/],
  ['"user.name" = a', 1, /a text in quotes where a field is expected/],
  ['"host".labels = a', 1, /the first part of a field has no quotes/],
  ['host.labels."a b"', 18, /ends where a comparison is expected/],
  ["a and b", 3, /"and" is written AND; the word itself is found by "and" in quotes/],
  ["a or b", 3, /written OR/],
  ["not b", 1, /written NOT/],
  ["a && b", 3, /"&&" where AND, OR or NOT is expected/],
  ["a || b", 3, /"\|\|" where/],
  ["!a", 1, /"!a" where/],
  ["user.name", 1, /user\.name is a field, without a comparison/],
  ["audit.SYSCALL.a1", 1, /is a field, without a comparison/],
  ["foo*", 1, /a star in the word/],
  ['""', 1, /an empty word/],
  ["endsWith(file.path)", 19, /"\)" where "," and a value are expected, as in endsWith\(field, "value"\)/],
  ["endsWith(file.path, )", 21, /"\)" where a value is expected/],
  ["endsWith(file.path, 'a', 'b')", 24, /"," where "\)" is expected/],
  ["endsWith(file.path, 'a'", 9, /a bracket that is never closed/],
  ["endsWith()", 10, /"\)" where the field that endsWith is about is expected/],
  ["endsWith('a', 'b')", 10, /a text in quotes where a field is expected/],
  ["endsWith(file.path, 'a') = true", 26, /a comparison with a function/],
  ["endWith(file.path, 'a')", 1, /unknown function "endWith" \(is it "endsWith"\?\); known are cidr/],
  ["endsWith(file.pat, 'a')", 10, /unknown field "file\.pat" \(is it "file\.path"\?\)/],
  ["endsWith(process.pid, '1')", 10, /process\.pid has no texts/],
  ["endsWith(file.path, '')", 21, /endsWith of an empty text/],
  ["cidr(process.name, '10.0.0.0/8')", 6, /process\.name has no addresses/],
  ["cidr(destination.ip, '10.0.0.0/40')", 22, /the length of such a network is 0 to 32/],
  ["cidr(destination.ip, 'ten')", 22, /never holds: allowed is a network/],
  ["matches(process.name, '(a')", 23, /the regular expression "\(a" is not understood/],
  ["matches(process.name, '(?=a)b')", 23, /no look-ahead/],
  ["matches(process.name, '(a)\\1')", 23, /no back-references/],
  ["process.pid < 0", 15, /process\.pid < "0" never holds: values are from 0 to 4294967295, and none is less/],
  ["process.pid > 4294967295", 15, /none is more/],
  ["process.pid >= 5e9", 16, /none is more or equal/],
  ["user.id > root", 11, /never holds: allowed is a number/],
  ["destination.ip > 10.0.0.1", 18, /addresses have no order; a network is asked for by cidr/],
  ["file.mode > 0644", 13, /bits have no order/],
  ["process.name > a*", 16, /a star behind >/],
  ["process.name < *", 16, /never holds; that it has no value is NOT process\.name:\*/],
  ["event.time > yesterday", 14, /allowed is a time of RFC 3339 with its offset/],
  ["event.time > 2026-02-30T00:00:00Z", 14, /a time of RFC 3339/],
  ["event.time > 2026-11-29T10:00:00", 14, /a time of RFC 3339/],
  ["process.uptime < 20", 18, /seconds with an s behind them/],
  ["audit.SYSCAL.a1 = 0", 1, /unknown type of records "SYSCAL" \(is it "SYSCALL"\?\)/],
  ["audit.SYSCALL.a1 > 0", 20, /fields of records are texts as auditd prints them/],
  ["proces.name = a", 1, /unknown field "proces\.name" \(is it "process\.name"\?\)/],
  ["user.nmae = a", 1, /\(is it "user\.name"\?\); those of user are user\.id, user\.name/],
  ["user.name = a AND proces.pid = 1", 19, /unknown field/],
  ["a".repeat(FILTER_LENGTH_MAX + 1), 1, /4097 characters; at most 4096 are allowed/],
  ["a ".repeat(RESTRICTIONS_MAX + 1), 513, /more than 256 comparisons, functions and words/],
  [`${"(".repeat(DEPTH_MAX + 1)}a${")".repeat(DEPTH_MAX + 1)}`, 33, /more than 32 brackets in each other/],
  [`user.name = ${"(".repeat(DEPTH_MAX + 1)}a`, 45, /more than 32 brackets/],
];

describe("a filter that is not understood is refused with the place, what was found and what is allowed:", () => {
  for (const [text, column, message] of WRONG) {
    it(text.length > 60 ? `${text.slice(0, 30)}…, ${text.length} characters` : text, () =>
      assert.throws(
        () => compileFilter(text),
        (error) => {
          assert.ok(error instanceof FilterError, String(error));
          assert.match(error.message, message);
          assert.equal(error.column, column, error.message);
          return true;
        },
      ),
    );
  }

  it("but not at the bounds", () => {
    compileFilter("a ".repeat(RESTRICTIONS_MAX));
    compileFilter(`${"(".repeat(DEPTH_MAX)}a${")".repeat(DEPTH_MAX)}`);
    compileFilter(`file.path : "${"a".repeat(FILTER_LENGTH_MAX - 14)}"`);
  });
});

/** The tree without where and how it was written; stars mean nothing to functions but to `matches`, whose they are. */
function said(tree: Tree | undefined): unknown {
  if (tree === undefined) return undefined;
  switch (tree.kind) {
    case "and":
    case "or":
      return [tree.kind, ...tree.parts.map(said)];
    case "not":
      return ["not", said(tree.part)];
    case "word":
      return ["word", ...tree.value.parts];
    case "call":
      return [tree.name, tree.path, tree.name === "matches" ? tree.value.raw : tree.value.parts.join("*")];
    default:
      return [tree.comparator, tree.path, ...tree.value.parts];
  }
}

const sign = fc.constantFrom(
  ...'user.name host.labels."a b" = != < <= > >= : AND OR NOT - ( ) , " \' \\ * \\* a b.c matches( endsWith( é \u{1f600} \t '.split(
    " ",
  ),
  " ",
  " ",
);

describe("a filter as it was understood", () => {
  it("is understood as the same again", () => {
    let read = 0;
    fc.assert(
      fc.property(fc.array(sign, { maxLength: 14 }), (signs) => {
        let tree: Tree | undefined;
        try {
          tree = parseFilter(signs.join(""));
        } catch {
          return;
        }
        read++;
        const text = formatFilter(tree);
        assert.deepEqual(said(parseFilter(text)), said(tree), text);
        assert.equal(formatFilter(parseFilter(text)), text);
      }),
      { numRuns: 20_000 },
    );
    assert.ok(read > 500, `only ${read} were filters`);
  });

  it("throws nothing but FilterErrors, whatever the text, and says a place in it", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(sign, { maxLength: 30 }).map((signs) => signs.join("")),
          fc.string({ unit: "binary", maxLength: 60 }),
        ),
        (text) => {
          try {
            compileFilter(text);
          } catch (error) {
            assert.ok(error instanceof FilterError, String(error));
            assert.ok(error.column >= 1 && error.column <= text.length + 1, error.message);
          }
        },
      ),
      { numRuns: 20_000 },
    );
  });

  it("keeps every value whatever is in it", () => {
    const value = fc.array(
      fc.string({ unit: fc.constantFrom("a", "\\", '"', "'", "*", " ", "é", "\n", "-", ":"), maxLength: 6 }),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(value, (parts) => {
        const tree: Tree = {
          kind: "restriction",
          path: ["a", "b"],
          comparator: "=",
          column: 1,
          value: { parts, raw: "", isQuoted: true, column: 1 },
        };
        const again = parseFilter(formatFilter(tree));
        assert.ok(again?.kind === "restriction");
        assert.deepEqual(again.value.parts, parts);
      }),
    );
  });

  it("has the backslashes of an expression that its text has", () => {
    const filter = compileFilter(String.raw`matches(process.name, "^\d+\.\*\"$")`);
    assert.equal(filter.text, String.raw`matches(process.name, "^\\d+\\.\\*\"$")`);
    assert.equal(compileFilter(filter.text).text, filter.text);
  });

  it("of any nesting takes no longer than its length", () => {
    for (const text of [
      "(".repeat(4000),
      "-".repeat(4000),
      "NOT ".repeat(1000),
      '"\\'.repeat(1300),
      "a(".repeat(2000),
      "a OR ".repeat(800),
      "user.name=(".repeat(300),
    ])
      assert.throws(() => compileFilter(text), FilterError);
  });
});
