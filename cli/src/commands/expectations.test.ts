import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { readRules } from "@hosttrail/lib/sigma";
import { judge, readExpectations } from "./expectations.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "hosttrail-expect-"));
after(() => rmSync(FOLDER, { recursive: true }));

const HOST = "a".repeat(32);
const ID = "3d2f6a80-5f0c-4f86-9a0e-0d6f6a1c2b01";
const { rules } = readRules(
  ["one", "two"].map((name) => ({
    path: `${name}.yml`,
    text: `title: Rule ${name}\nname: ${name}\n${name === "two" ? `id: ${ID}\n` : ""}logsource: {product: linux}\ndetection: {s: {a: b}, condition: s}\n`,
  })),
);

function expectations(text: string): ReturnType<typeof readExpectations> {
  const path = join(FOLDER, "expect.yml");
  writeFileSync(path, text);
  return readExpectations(path, rules);
}

function found(ruleKey: string, matches: bigint, alerts = matches): Parameters<typeof judge>[1][number] {
  return { ruleKey, title: "", hostId: HOST, day: "2026-01-31", matches, alerts, eventIds: [] };
}

describe("what is expected of rules", () => {
  it("is held against matches, alerts and hosts, by the rule's name or id", () => {
    const expected = expectations(
      `rules:\n  - { rule: one, min: 1, max: 2, hosts: [${HOST}] }\n  - { rule: ${ID}, max: 5, alerts_max: 1 }\n`,
    );
    const failures = (list: Parameters<typeof judge>[1]): string[] =>
      judge(expected, list, []).map(({ name, failures: told }) => `${name}: ${told.join("; ")}`);
    assert.deepEqual(failures([found("one", 1n), found("one", 1n), found(ID, 5n, 1n)]), ["Rule one: ", "Rule two: "]);
    assert.deepEqual(failures([found("one", 3n), found(ID, 6n, 2n)]), [
      "Rule one: 3 matches on 1 hosts, at most 2 are expected",
      "Rule two: 6 matches on 1 hosts, at most 5 are expected; 2 alerts on 1 hosts, at most 1 are expected",
    ]);
    assert.deepEqual(failures([]), [`Rule one: 0 matches, at least 1 are expected; no match on ${HOST}`, "Rule two: "]);
  });

  it("may be the same of all others, and cannot be decided where history is not whole", () => {
    const expected = expectations("rules: [{ rule: two, max: 9 }, { rule: '*', max: 0 }]\n");
    const cases = judge(expected, [found("one", 1n), found(ID, 9n)], ["2 events of a: damaged", "more"]);
    assert.deepEqual(
      cases.map(({ name, failures }) => [name, failures.length]),
      [
        ["Rule two", 0],
        ["Rule one", 1],
      ],
    );
    assert.deepEqual(cases[0]?.errors, ["2 parts of history could not be read; one: 2 events of a: damaged"]);
  });

  it("is refused with the line, or the rule that is meant", () => {
    assert.throws(() => expectations("rules:\n  - { rule: one, mni: 1 }\n"), /expect\.yml:2:.*mni/);
    assert.throws(() => expectations("rules:\n  - { rule: one, min: x }\n"), /expect\.yml:2:.*min/);
    assert.throws(() => expectations("rules: [{ rule: noe }]\n"), /no rule is called noe \(is it "one"\?\)/);
    assert.throws(() => expectations("rules: [{ rule: one }, { rule: one }]\n"), /one is not one rule alone/);
    assert.throws(() => expectations("rules: [{ rule: one, hosts: [web1] }]\n"), /32 lower case hex digits/);
  });
});
