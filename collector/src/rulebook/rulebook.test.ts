import assert from "node:assert/strict";
import { describe as suite, it } from "node:test";
import { Severity } from "@hosttrail/proto/alert";
import type { RulesetDocument, RuleSetting } from "../model/index.ts";
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

function ruleset(name: string, texts: Record<string, string>): RulesetDocument {
  const files = Object.entries(texts).map(([path, text]) => ({ path, text }));
  return { name, description: "", enabled: true, labels: {}, tags: {}, files, updateMs: 0, updater: "" };
}

function bookOf(own: RulesetDocument[], settings: Record<string, RuleSetting> = {}): RuleBook {
  return new RuleBook({ managed: [], own, settings: { rules: new Map(Object.entries(settings)), managed: new Map() } });
}

suite("the rulebook", () => {
  it("reads the rules that come with the product", () => {
    const book = new RuleBook({ managed: readManaged(), own: [], settings: { rules: new Map(), managed: new Map() } });
    assert.deepEqual(book.rejected, []);
    assert.ok(book.rules.length >= 80);
    assert.deepEqual(
      book.rules.filter(({ problem }) => problem !== ""),
      [],
    );
  });

  it("runs what is enabled, and silently what an enabled correlation is about", () => {
    const sources = [ruleset("own", { "a.yml": rule("a"), "b.yml": rule("b"), "c.yml": correlation("c", "a") })];
    const settings = { a: { enabled: false }, b: { enabled: false } };
    const book = bookOf(sources, settings);
    assert.deepEqual(
      book.detection.rules.map(({ name }) => name),
      ["a"],
    );
    const a = book.byKey("a");
    assert.ok(a !== undefined && !a.isEnabled && a.isSilent && a.rule.kind === "detection");
    assert.deepEqual([...(book.fields.get(a.rule) ?? [])], ["User"]);
    const off = bookOf(sources, { ...settings, c: { enabled: false } });
    assert.deepEqual(off.detection.rules, []);
    assert.notEqual(off.revision, book.revision);
  });

  it("takes the operator's severity in place of the author's", () => {
    const sources = [ruleset("own", { "a.yml": rule("a") })];
    const loaded = bookOf(sources).byKey("a");
    assert.equal(loaded?.severity, Severity.HIGH);
    const changed = bookOf(sources, { a: { severity: "low" } });
    const told = changed.byKey("a");
    assert.ok(told !== undefined);
    assert.equal(describe(told).severity, Severity.LOW);
    assert.equal(describe(told).ruleset, "own");
  });

  it("lets rules of different rulesets name each other, and rejects a name that is taken", () => {
    const book = bookOf([
      ruleset("one", { "a.yml": rule("a") }),
      ruleset("two", { "a.yml": rule("a"), "c.yml": correlation("c", "a") }),
    ]);
    assert.deepEqual(
      book.rejected.map(({ file }) => file),
      ["two/a.yml"],
    );
    assert.equal(book.correlations.length, 1);
  });

  it("says of a rule why it does not run", () => {
    const text = rule("a").replace("category: process_creation", "category: dns_query");
    const book = bookOf([ruleset("own", { "a.yml": text })]);
    assert.match(book.byKey("a")?.problem ?? "", /dns_query/);
  });
});
