import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { collect, onlyRule, rejection, ruleText, shown } from "./fixture.ts";

const SELECTIONS = "sel_a:\n  F: a\nsel_b:\n  F: b\nfilter-x:\n  F: x\n_hidden:\n  F: h\nkw:\n  - one\n  - two*three\n";
const condition = (text: string): string => shown(onlyRule(ruleText(`${SELECTIONS}condition: ${text}`)).condition);

const CASES: [string, string][] = [
  ["sel_a", "F=a"],
  ["sel_a or sel_b and filter-x", "(F=a or (F=b and F=x))"],
  ["not sel_a and sel_b", "(not F=a and F=b)"],
  ["not (sel_a and sel_b)", "not (F=a and F=b)"],
  ["not not sel_a", "F=a"],
  ["1 of sel_*", "(F=a or F=b)"],
  ["any of sel_*", "(F=a or F=b)"],
  ["all of sel_*", "(F=a and F=b)"],
  ["all of sel_* and not 1 of filter*", "(F=a and F=b and not F=x)"],
  ["1 of them", "(F=a or F=b or F=x or =*one* or =*two*three*)"],
  ["1 of _*", "F=h"],
  ["SEL_A or kw", "rejected"],
  ["sel_a OR kw", "(F=a or =*one* or =*two*three*)"],
  ["[sel_a, sel_b]", "(F=a or F=b)"],
  ["1 of *_b", "F=b"],
  ["1 of filter-*", "F=x"],
  ["1 of *l*_*", "(F=a or F=b)"],
];

describe("conditions", () => {
  for (const [text, expected] of CASES) {
    it(`reads ${text}`, () => {
      if (expected === "rejected") assert.throws(() => condition(text), /is it "sel_a"/);
      else assert.equal(condition(text), expected);
    });
  }

  const refused: [string, RegExp][] = [
    ["sel_a and", /column 10: ends where a name is expected/],
    ["sel_a sel_b", /column 7: "sel_b" where and, or, or the end is expected/],
    ["(sel_a", /a bracket that is never closed/],
    ["sel_a | count() > 5", /aggregations behind \| are the old form; allowed is a correlation rule/],
    ["2 of sel_*", /"2 of"; allowed are 1 of, any of and all of/],
    ["1 of nothing*", /no selection is called nothing\*/],
    ["sel_c", /no selection "sel_c" \(is it "sel_[ab]"\?\)/],
    ["and", /"and" where a name is expected/],
    ["sel_a and 'b", /never|not allowed|Missing/],
    ["''", /ends where a name is expected/],
  ];
  for (const [text, expected] of refused) {
    it(`refuses ${text}`, () => assert.match(rejection(ruleText(`${SELECTIONS}condition: ${text}`)), expected));
  }

  it("refuses brackets without end", () => {
    const deep = `${"(".repeat(100)}sel_a${")".repeat(100)}`;
    assert.match(rejection(ruleText(`${SELECTIONS}condition: ${deep}`)), /more than 64 brackets within each other/);
  });

  it("warns of a selection that nothing uses", () => {
    const { warnings } = collect(ruleText("a:\n  F: x\nb:\n  F: y\n_c:\n  F: z\ncondition: a"));
    assert.deepEqual(
      warnings.map(({ line, message }) => `${line}: ${message}`),
      ['6: the selection "b" is in no condition'],
    );
  });

  it("joins maps by and, lists of maps by or, keywords by or, and by and where all is said", () => {
    const rule = (text: string): string => shown(onlyRule(ruleText(`${text}\ncondition: s`)).condition);
    assert.equal(rule("s:\n  A: 1\n  B: [2, 3]"), "(A=1 and (B=2 or B=3))");
    assert.equal(rule("s:\n  - A: 1\n    B: 2\n  - C: 3"), "((A=1 and B=2) or C=3)");
    assert.equal(rule("s: word"), "=*word*");
    assert.equal(rule("s:\n  '|all':\n    - a\n    - b"), "(=*a* and =*b*)");
    assert.equal(rule("s:\n  - 7\n  - F: x"), "(=*7* or F=x)");
  });
});
