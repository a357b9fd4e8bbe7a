/** Our own rules, on what a real kernel said while their commands ran (bench/rules/record.ts): what must match does, what must not does not. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ColumnBlock, encodeColumns, EVENTS_MAX } from "@hosttrail/lib/block";
import { Correlator, type RuleMatch } from "@hosttrail/lib/correlate";
import { auditFor, checkRules, readAuditRules, RuleSet } from "@hosttrail/lib/detect";
import { type AnyRule, readRules } from "@hosttrail/lib/sigma";
import { eventsOfLog } from "../bench/rules/replay.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const RULES = join(ROOT, "rules/baseline");
const RECORDED = join(ROOT, "rules/recorded");
const AUDIT_RULES = join(ROOT, "packaging/agent/rules");
const RULES_MIN = 80;
const PLACE = { hostId: "0".repeat(32), epoch: 1n, firstSeq: 0n };

const files = readdirSync(RULES, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".yml"))
  .map((name) => ({ path: name, text: readFileSync(join(RULES, name), "utf8") }));
const collection = readRules(files);
const detections = collection.rules.flatMap((rule) => (rule.kind === "detection" ? [rule] : []));
const set = new RuleSet(detections);

/** Names of the rules, also of correlations, that match something in a recorded log. */
function matchesIn(rule: string, log: string): Set<string> {
  const events = eventsOfLog(readFileSync(join(RECORDED, rule, log), "latin1"));
  assert.ok(events.length > 0 && events.length <= EVENTS_MAX, `${rule} ${log}: ${events.length} events`);
  const block = new ColumnBlock(encodeColumns(events), PLACE);
  const correlator = new Correlator(collection.rules, {
    hash: (text) => createHash("sha256").update(text).digest("hex"),
  });
  const names = new Set<string>();
  const matches = set.match(block);
  for (const { rule: matched } of matches) names.add(matched.name);
  const changes = correlator.add(
    matches.map((match): RuleMatch => {
      const timeNano = block.columns.time[match.event] ?? 0n;
      return {
        rule: match.rule,
        eventId: block.eventId(match.event),
        timeNano,
        receivedNano: timeNano,
        hostId: PLACE.hostId,
        texts: (field) => set.textsOf(block, match, field),
      };
    }),
  );
  for (const change of changes) if (change.kind === "match") names.add(change.rule.name);
  return names;
}

function logsOf({ name }: AnyRule, kind: string): string[] {
  return readdirSync(join(RECORDED, name)).filter((log) => log.startsWith(`${kind}-`));
}

describe("the baseline rules", () => {
  it("are read without a problem or a warning, have names of their own, and tell what they are for", () => {
    assert.deepEqual(collection.rejected, []);
    assert.deepEqual(collection.warnings, []);
    assert.deepEqual(set.notCompiled, []);
    assert.ok(collection.rules.length >= RULES_MIN, String(collection.rules.length));
    for (const { file, id, name, level, tags, description, falsePositives } of collection.rules) {
      assert.ok(
        id !== "" && name !== "" && level !== undefined && description !== "" && falsePositives.length > 0,
        file,
      );
      assert.ok(
        tags.some((tag) => /^attack\.t\d{4}(?:\.\d{3})?$/.test(tag)),
        file,
      );
    }
  });

  it("can fire with our own audit rules, or name the lines that they need", () => {
    const texts = readdirSync(AUDIT_RULES).map((name) => readFileSync(join(AUDIT_RULES, name), "utf8"));
    for (const { result, file, missing, reasons } of checkRules(collection, readAuditRules(texts)))
      assert.ok(result === "fires here" || missing.length > 0, `${file}: ${result}: ${reasons.join("; ")}`);
  });

  it("fire with the fewest audit rules as with all sets, and those are told with what they are for", () => {
    const texts = readdirSync(AUDIT_RULES).map((name) => readFileSync(join(AUDIT_RULES, name), "utf8"));
    const given = readAuditRules(texts);
    const { lines, lowerBound, mute } = auditFor(collection, given);
    assert.deepEqual(mute, []);
    assert.equal(lines.length, lowerBound, "no fewer would do");
    const kept = lines.filter(({ isNew }) => !isNew);
    assert.ok(kept.length < given.rules.length, `${kept.length} of ${given.rules.length}`);
    assert.ok(lines.every(({ neededBy }) => neededBy.length > 0));
    const before = checkRules(collection, given);
    const after = checkRules(collection, readAuditRules(lines.map(({ line }) => line)));
    for (const [at, check] of before.entries()) {
      const { result, missing = [], reasons = [] } = after[at] ?? {};
      assert.deepEqual([result, missing], ["fires here", []], `${check.file}: ${reasons.join("; ")}`);
    }
  });

  it("match what was recorded for them, and not what must not match", () => {
    const wrong: string[] = [];
    for (const rule of collection.rules) {
      const [matching, ignored] = [logsOf(rule, "match"), logsOf(rule, "ignore")];
      if (matching.length === 0 || ignored.length === 0) wrong.push(`${rule.name}: nothing was recorded`);
      for (const log of matching)
        if (!matchesIn(rule.name, log).has(rule.name)) wrong.push(`${rule.name}: not in ${log}`);
      for (const log of ignored) if (matchesIn(rule.name, log).has(rule.name)) wrong.push(`${rule.name}: in ${log}`);
    }
    assert.deepEqual(wrong, []);
  });
});
