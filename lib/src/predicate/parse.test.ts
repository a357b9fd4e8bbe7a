import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatFilter } from "./format.ts";
import { compileFilter, DEPTH_MAX, FILTER_LENGTH_MAX, FilterError, parseFilter, RESTRICTIONS_MAX } from "./index.ts";
import type { Tree } from "./tree.ts";
import { WRONG_FILTERS } from "./wrong.ts";

describe("a filter that is not understood is refused with the place, what was found and what is allowed:", () => {
  for (const [text, column, message] of WRONG_FILTERS) {
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
