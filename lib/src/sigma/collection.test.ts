import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readRules } from "./collection.ts";
import { collect, rejection, ruleText, shown } from "./fixture.ts";

const RULE = `title: one
id: 11111111-1111-4111-8111-111111111111
name: rule_one
level: high
tags: [attack.T1059]
logsource: { product: linux, category: process_creation }
detection:
  s:
    Image: /bin/x
  condition: s
`;
const SECOND = RULE.replaceAll("1111", "2222").replace("rule_one", "rule_two");
const correlation = (body: string, head = "title: many\nname: many\n"): string =>
  `${head}correlation:\n${body.replace(/^(?=.)/gm, "  ")}`;
const COUNT = correlation(
  "type: event_count\nrules: [rule_one]\ngroup-by: [User]\ntimespan: 5m\ncondition: { gte: 10 }\n",
);

describe("rule files", () => {
  it("say what a rule tells of itself", () => {
    const [rule] = collect(RULE).rules;
    assert.ok(rule?.kind === "detection");
    const { id, name, level, tags, line, file, logsource } = rule;
    assert.deepEqual(
      { id, name, level, tags, line, file },
      {
        id: "11111111-1111-4111-8111-111111111111",
        name: "rule_one",
        level: "high",
        tags: ["attack.t1059"],
        line: 1,
        file: "1.yml",
      },
    );
    assert.equal(logsource.category, "process_creation");
  });

  it("may have several documents, of which a broken one leaves the others", () => {
    const { rules, rejected } = collect(`${RULE}---\ntitle: [\n---\n${SECOND}`);
    assert.equal(rules.length, 2);
    assert.deepEqual(
      rejected.map(({ line }) => line),
      [13],
    );
  });

  const refused: [string, string, RegExp][] = [
    ["no map", "- a\n- b\n", /^1: a rule is a map and not a list$/],
    ["nothing that rules have", "title: x\ndetecton: {}\n", /this has none of them \(is it "detection"\?\)$/],
    ["a detection without a condition", ruleText("s:\n  A: 1"), /^4: detection has no condition$/],
    ["an unknown level", RULE.replace("high", "hgih"), /^4: level is "hgih" \(is it "high"\?\); allowed are /],
    ["no title", RULE.replace("title: one\n", ""), /a rule needs a title/],
    ["no logsource", RULE.replace(/logsource.*\n/, ""), /logsource is missing/],
    [
      "an empty logsource",
      RULE.replace(/logsource.*/, "logsource: { definition: x }"),
      /needs one of category, product and service/,
    ],
    ["a key twice", `${RULE}title: two\n`, /^\d+: Map keys must be unique/],
    ["the old multi-document form", "action: global\ntitle: x\n", /of Sigma 1/],
    ["a timeframe", ruleText("s:\n  A: 1\ntimeframe: 5m\ncondition: s"), /^6: timeframe is the old form/],
    [
      "an id twice",
      `${RULE}---\n${RULE.replace("rule_one", "other")}`,
      /is the name or id of another rule, too: 1.yml:1/,
    ],
    ["an alias that leads nowhere", "title: *x\n", /Unresolved alias|alias/],
  ];
  for (const [what, text, expected] of refused) it(`refuse ${what}`, () => assert.match(rejection(text), expected));

  it("refuse a document that aliases make endless, and one that they make huge", () => {
    assert.match(rejection("a: &a\n  b: *a\n"), /within each other|alias/);
    const bomb = `a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n${Array.from({ length: 9 }, (_, at) => `a${at + 1}: &a${at + 1} [${Array.from({ length: 10 }, () => `*a${at}`).join()}]`).join("\n")}\n`;
    assert.match(rejection(bomb), /more than \d+ values in a document/);
  });

  it("warn of keys that look like known ones", () => {
    const { warnings } = collect(`${RULE}falsepositive: [x]\nmy_own: 1\n`);
    assert.deepEqual(
      warnings.map(({ message }) => message),
      ['unknown key "falsepositive" (is it "falsepositives"?)'],
    );
  });

  it("keep their order", () => {
    const { rules } = collect(`${COUNT}---\n${RULE}`, SECOND);
    assert.deepEqual(
      rules.map(({ name }) => name),
      ["many", "rule_one", "rule_two"],
    );
  });
});

describe("correlations", () => {
  it("know their rules, by name and by id, wherever they stand", () => {
    const byId = COUNT.replace("rule_one", "11111111-1111-4111-8111-111111111111");
    for (const text of [COUNT, byId]) {
      const { rules, rejected, silent } = collect(text, RULE);
      assert.deepEqual(rejected, []);
      const [many, one] = rules;
      assert.ok(many?.kind === "correlation");
      assert.deepEqual(many.rules, [one]);
      assert.deepEqual(
        [many.timespanMs, many.bounds, many.groupBy],
        [300_000, [{ comparison: "gte", number: 10 }], ["User"]],
      );
      assert.ok(one !== undefined && silent.has(one));
    }
  });

  it("leave their rules to speak for themselves where generate says so", () => {
    const { silent } = collect(COUNT.replace("  type", "  generate: true\n  type"), RULE);
    assert.equal(silent.size, 0);
  });

  it("stand on each other", () => {
    const chain = correlation("type: temporal_ordered\nrules: [many, rule_two]\ntimespan: 1h\n", "title: chain\n");
    const { rules, rejected } = collect(chain, COUNT, RULE, SECOND);
    assert.deepEqual(rejected, []);
    const [first] = rules;
    assert.ok(first?.kind === "correlation");
    assert.deepEqual(
      first.rules.map(({ name }) => name),
      ["many", "rule_two"],
    );
    assert.deepEqual([first.bounds, first.groupBy], [[{ comparison: "gte", number: 2 }], []]);
  });

  it("have aliases by rule, and conditions that name rules", () => {
    const text = correlation(
      "type: temporal\nrules: [rule_one, rule_two]\naliases:\n  who:\n    rule_one: User\n    rule_two: user.name\ngroup-by: [who]\ntimespan: 1m\ncondition: rule_one and not rule_two\n",
    );
    const [many, one] = collect(text, RULE, SECOND).rules;
    assert.ok(many?.kind === "correlation" && one?.kind === "detection");
    assert.equal(many.aliases.get("who")?.get(one), "User");
    assert.equal(many.extended && shown(many.extended), "(rule_one exists and not rule_two exists)");
  });

  const body = "type: event_count\nrules: [rule_one]\ntimespan: 5m\ncondition: { gte: 10 }\n";
  const refused: [string, string, RegExp][] = [
    [
      "an unknown type",
      body.replace("event_count", "event_cuont"),
      /is "event_cuont" \(is it "event_count"\?\); allowed are /,
    ],
    [
      "an unknown key",
      body.replace("timespan", "timspan"),
      /unknown key "timspan" of correlation \(is it "timespan"\?\)/,
    ],
    [
      "a rule that is not there",
      body.replace("rule_one", "rule_on"),
      /no rule has the name or id "rule_on" \(is it "rule_one"\?\)/,
    ],
    ["no timespan", body.replace(/timespan.*\n/, ""), /timespan is ""; allowed is a number and s, m, h or d/],
    ["a timespan in words", body.replace("5m", "5 minutes"), /timespan is "5 minutes"/],
    ["bounds that contradict each other", body.replace("gte: 10", "gt: 10, lte: 10"), /nothing can fulfil/],
    ["a count of values without a field", body.replace("event_count", "value_count"), /value_count needs the field/],
    [
      "a percentile out of range",
      body.replace("event_count", "value_percentile").replace("gte: 10", "gte: 10, field: a, percentile: 101"),
      /percentile is 101/,
    ],
    ["a rule twice", body.replace("[rule_one]", "[rule_one, rule_one]"), /named twice/],
    ["itself", body.replace("rule_one", "many"), /leads back to this one/],
  ];
  for (const [what, text, expected] of refused)
    it(`refuse ${what}`, () => assert.match(rejection(RULE, correlation(text)), expected));

  it("refuse a circle, and what stands on what is refused", () => {
    const a = correlation("type: temporal\nrules: [b, rule_one]\ntimespan: 1m\n", "title: a\nname: a\n");
    const b = correlation("type: temporal\nrules: [a, rule_one]\ntimespan: 1m\n", "title: b\nname: b\n");
    const { rules, rejected } = collect(RULE, a, b);
    assert.deepEqual([rules.length, rejected.length], [1, 2]);
  });
});

describe("filters", () => {
  const filter = (condition: string, rules = "[rule_one]"): string =>
    `title: f\nlogsource: { product: linux }\nfilter:\n  rules: ${rules}\n  selection:\n    User: adm\n  condition: ${condition}\n`;
  const conditionsOf = (...texts: string[]): string[] =>
    collect(...texts).rules.flatMap((rule) => (rule.kind === "detection" ? [shown(rule.condition)] : []));

  it("are added to the rules that they name, and to all of their logsource", () => {
    assert.deepEqual(conditionsOf(RULE, SECOND, filter("not selection")), [
      "(Image=/bin/x and not User=adm)",
      "Image=/bin/x",
    ]);
    for (const all of ["any", "[]"])
      assert.deepEqual(
        new Set(conditionsOf(RULE, SECOND, filter("not selection", all))),
        new Set(["(Image=/bin/x and not User=adm)"]),
      );
  });

  it("warn where they narrow instead of leaving out, and where they are of no rule", () => {
    assert.match(
      collect(RULE, filter("selection")).warnings[0]?.message ?? "",
      /has no not: its rules will match only/,
    );
    assert.match(
      collect(RULE, filter("not selection", "[nobody]")).warnings[0]?.message ?? "",
      /names the rule "nobody"/,
    );
  });

  it("leave rules of another logsource alone", () => {
    const other = filter("not selection").replace("product: linux", "product: windows");
    assert.deepEqual(conditionsOf(RULE, other), ["Image=/bin/x"]);
  });
});

describe("any bytes", () => {
  it("make rules or problems, and nothing is thrown", () => {
    const words = [
      "title",
      "detection",
      "condition",
      ":",
      "\n",
      "  ",
      "- ",
      "a",
      "|",
      "re",
      "contains",
      "*",
      "'",
      "[",
      "]",
      "{",
      "}",
      "&x",
      "*x",
      "1 of them",
      "not",
      "(",
      ")",
      "correlation",
      "rules",
      "---\n",
      "logsource",
      "product",
      "linux",
      "\0",
      "!!binary",
      "0x1",
      "~",
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 60 }), (parts) => {
        readRules([{ path: "x", text: parts.join("") }]);
      }),
      { numRuns: 3000 },
    );
  });
});
