import assert from "node:assert/strict";
import { describe as suite, it } from "node:test";
import { Severity } from "@hosttrail/proto/alert";
import type { Ruleset } from "@hosttrail/proto/rule";
import { describe, readManaged, RuleBook } from "./index.ts";

const rule = (name: string, more = ""): string => `
title: Rule ${name}
name: ${name}
logsource: {product: linux, category: process_creation}
level: high
detection:
  selection: {Image|endswith: /${name}}
  condition: selection
${more}`;

const correlation = (name: string, of: string): string => `
title: Correlation ${name}
name: ${name}
correlation:
  type: event_count
  rules: [${of}]
  group-by: [User]
  timespan: 5m
  condition: {gte: 3}
`;

function ruleset(name: string, texts: Record<string, string>, more: Partial<Ruleset> = {}): Ruleset {
  return {
    name,
    description: "",
    managed: false,
    enabled: true,
    labels: {},
    tags: {},
    files: Object.entries(texts).map(([path, text]) => ({ path, text })),
    updateTime: undefined,
    updater: "",
    rules: 0,
    ...more,
  };
}

const NONE = new Map<string, never>();

suite("the rulebook", () => {
  it("reads the rules that come with the product", () => {
    const book = new RuleBook({ rulesets: readManaged(), settings: NONE });
    assert.deepEqual(book.rejected, []);
    assert.ok(book.rules.length >= 80);
    assert.deepEqual(
      book.rules.filter(({ problem }) => problem !== ""),
      [],
    );
  });

  it("runs what is enabled, and silently what an enabled correlation is about", () => {
    const sources = [ruleset("own", { "a.yml": rule("a"), "b.yml": rule("b"), "c.yml": correlation("c", "a") })];
    const settings = new Map([
      ["a", { isEnabled: false }],
      ["b", { isEnabled: false }],
    ]);
    const book = new RuleBook({ rulesets: sources, settings });
    assert.deepEqual(
      book.detection.rules.map(({ name }) => name),
      ["a"],
    );
    const a = book.byKey("a");
    assert.ok(a !== undefined && !a.isEnabled && a.isSilent && a.rule.kind === "detection");
    assert.deepEqual([...(book.fields.get(a.rule) ?? [])], ["User"]);
    const off = new RuleBook({ rulesets: sources, settings: new Map([...settings, ["c", { isEnabled: false }]]) });
    assert.deepEqual(off.detection.rules, []);
    assert.notEqual(off.revision, book.revision);
  });

  it("takes the operator's severity in place of the author's", () => {
    const sources = [ruleset("own", { "a.yml": rule("a") })];
    const loaded = new RuleBook({ rulesets: sources, settings: NONE }).byKey("a");
    assert.equal(loaded?.severity, Severity.HIGH);
    const changed = new RuleBook({ rulesets: sources, settings: new Map([["a", { severity: Severity.LOW }]]) });
    const told = changed.byKey("a");
    assert.ok(told !== undefined);
    assert.equal(describe(told).severity, Severity.LOW);
    assert.equal(describe(told).ruleset, "own");
  });

  it("lets rules of different rulesets name each other, and rejects a name that is taken", () => {
    const book = new RuleBook({
      rulesets: [
        ruleset("one", { "a.yml": rule("a") }),
        ruleset("two", { "a.yml": rule("a"), "c.yml": correlation("c", "a") }),
      ],
      settings: NONE,
    });
    assert.deepEqual(
      book.rejected.map(({ file }) => file),
      ["two/a.yml"],
    );
    assert.equal(book.correlations.length, 1);
  });

  it("says of a rule why it does not run", () => {
    const text = rule("a").replace("category: process_creation", "category: dns_query");
    const book = new RuleBook({ rulesets: [ruleset("own", { "a.yml": text })], settings: NONE });
    assert.match(book.byKey("a")?.problem ?? "", /dns_query/);
  });
});
