/** Our rules about what agents tell of themselves, held against the reports as an agent makes them. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Report, reportEvent } from "@hosttrail/agent/report";
import { ColumnBlock, encodeColumns } from "@hosttrail/lib/block";
import { checkRules, readAuditRules, RuleSet } from "@hosttrail/lib/detect";
import { readRules } from "@hosttrail/lib/sigma";
import { Event } from "@hosttrail/proto/event";

const RULES = new URL("../rules/findings", import.meta.url).pathname;
const files = readdirSync(RULES)
  .filter((name) => name.endsWith(".yml"))
  .map((name) => ({ path: name, text: readFileSync(join(RULES, name), "utf8") }));
const collection = readRules(files);
const set = new RuleSet(collection.rules.flatMap((rule) => (rule.kind === "detection" ? [rule] : [])));

const QUIET = {
  kernelLost: 0,
  serialGaps: 0,
  overruns: 0,
  evicted: 0,
  discarded: 0,
  failed: 0,
  unbalanced: 0,
  quarantined: 0,
  shed: 0,
  unreadFiles: 0,
};

function ledger(changes: Partial<typeof QUIET>): Report {
  const fields = { from_ms: 1, to_ms: 60_001, events: 500, ...QUIET, ...changes, evicted_ranges: "" };
  return { action: "reported-ledger", name: "LEDGER", outcome: "success", fields };
}

function start(previous: string): Report {
  const fields = { previous_run: previous, previous_start_ms: 1, previous_end_ms: "", source: "netlink-unicast" };
  return { action: "started-agent", name: "START", outcome: "success", fields };
}

function stop(system: string): Report {
  const fields = { reason: "SIGTERM", system, audit_rules: "released", start_ms: 1 };
  return { action: "stopped-agent", name: "STOP", outcome: "success", fields };
}

function rules(action: "loaded-audit-rules" | "found-audit-rules-changed", outcome: Report["outcome"]): Report {
  const fields = { added: "-w /etc/passwd -p wa", removed: "", refused: outcome === "failure" ? 1 : 0, failure: "" };
  return { action, name: "RULES", outcome, fields };
}

const MISSED: Report = {
  action: "missed-source-data",
  name: "SOURCE",
  outcome: "failure",
  fields: { file: "/var/log/audit/audit.log.3.gz", offset: 12, reason: "it is damaged" },
};

/** Reports, and the rules that match each. */
const CASES: readonly [report: Report, rules: readonly string[]][] = [
  [ledger({}), []],
  [ledger({ kernelLost: 3 }), ["events_lost_before_the_agent"]],
  [ledger({ serialGaps: 1 }), ["events_lost_before_the_agent"]],
  [ledger({ overruns: 1 }), ["events_lost_before_the_agent"]],
  [ledger({ evicted: 12, shed: 7 }), ["events_given_up", "events_left_out"]],
  [ledger({ discarded: 2 }), ["events_given_up"]],
  [ledger({ failed: 1 }), ["events_failed"]],
  [ledger({ unbalanced: 1 }), ["events_failed"]],
  [ledger({ quarantined: 40 }), ["events_refused"]],
  [start("none"), []],
  [start("stopped"), []],
  [start("killed"), ["agent_killed"]],
  [start("went-down"), ["host_went_down_without_a_word"]],
  [stop("running"), ["agent_stopped"]],
  [stop("unknown"), ["agent_stopped"]],
  [stop("going-down"), []],
  [rules("loaded-audit-rules", "success"), []],
  [rules("loaded-audit-rules", "failure"), ["audit_rules_refused"]],
  [rules("found-audit-rules-changed", "success"), ["audit_rules_changed"]],
  [rules("found-audit-rules-changed", "failure"), ["audit_rules_changed", "audit_rules_refused"]],
  [MISSED, ["source_data_missed"]],
];

function blockOf(report: Report): ColumnBlock {
  const event = { ...reportEvent(report, Date.now()), host: Event.fromPartial({ host: { name: "web-1" } }).host };
  return new ColumnBlock(encodeColumns([event]), { hostId: "0".repeat(32), epoch: 1n, firstSeq: 0n });
}

describe("the rules about what agents tell of themselves", () => {
  it("are read without a problem or a warning, and need no audit rule", () => {
    assert.deepEqual(collection.rejected, []);
    assert.deepEqual(collection.warnings, []);
    const checks = checkRules(collection, readAuditRules([]));
    assert.deepEqual(
      checks.filter(({ result, reasons, fedBy }) => result !== "fires here" || reasons.length + fedBy.length > 0),
      [],
    );
    for (const { file, id, name, level, description, alertTitle } of collection.rules)
      assert.ok(id !== "" && file === `${name}.yml` && level !== undefined && description !== "" && alertTitle !== "");
  });

  it("match the reports that they are about, and no others", () => {
    for (const [report, expected] of CASES) {
      const names = set.match(blockOf(report)).map(({ rule }) => rule.name);
      assert.deepEqual(names.sort(), [...expected].sort(), JSON.stringify(report.fields));
    }
    const named = new Set(CASES.flatMap(([, names]) => names));
    assert.deepEqual(
      collection.rules.map(({ name }) => name).filter((name) => !named.has(name)),
      [],
      "each rule is tried",
    );
  });

  it("have titles whose fields the reports fill", () => {
    for (const [report] of CASES) {
      const block = blockOf(report);
      for (const match of set.match(block)) {
        for (const [, field = ""] of match.rule.alertTitle.matchAll(/\{\{([^}]+)\}\}/g))
          assert.notDeepEqual(set.textsOf(block, match, field), [], `${match.rule.name}: ${field}`);
      }
    }
  });
});
