/** Detection on recorded events: many rules at once must find what each rule finds by itself on each event by itself. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ColumnBlock, encodeColumns } from "@hosttrail/lib/block";
import { type Match, PlainRules, RuleSet } from "@hosttrail/lib/detect";
import { readRules } from "@hosttrail/lib/sigma";
import { documentsOf } from "../../bench/detect/documents.ts";
import { makeRules } from "../../bench/detect/rules.ts";
import { readTrail, ROLES } from "../../bench/trails/trail.ts";

const EVENTS_EACH = 1000;
const RULES = 300;
const PLACE = { hostId: "0".repeat(32), epoch: 1n, firstSeq: 0n };

describe("rules on recorded events", () => {
  const events = ROLES.flatMap((role) => readTrail(role).slice(0, EVENTS_EACH));
  const documents = events.flatMap(documentsOf);

  for (const [seed, size] of [
    [3, 500],
    [4, 5],
    [5, 1],
  ] as const) {
    it(`find the same together as one by one, at ${size} events a block`, () => {
      const made = makeRules(RULES, documents, 60, seed);
      const { rules, rejected } = readRules(made.map(({ title, text }) => ({ path: title, text })));
      assert.deepEqual(rejected, []);
      const detections = rules.flatMap((rule) => (rule.kind === "detection" ? [rule] : []));
      const set = new RuleSet(detections);
      const plain = new PlainRules(detections);
      const shown = (matches: readonly Match[]): string[] =>
        matches.map(({ rule, event, record }) => `${rule.title} ${event} ${record}`).sort();
      let found = 0;
      for (let at = 0; at + size <= events.length; at += size) {
        const block = new ColumnBlock(encodeColumns(events.slice(at, at + size)), PLACE);
        const matches = shown(set.match(block));
        assert.deepEqual(matches, shown(plain.match(block)));
        found += matches.length;
      }
      assert.ok(found > 10_000, String(found));
    });
  }
});
