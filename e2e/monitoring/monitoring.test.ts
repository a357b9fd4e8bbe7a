/** Alert rules and the dashboard, read and run by the programs of those they are for. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parse, stringify } from "yaml";
import { checker, whyNoCheckers } from "../checkers.ts";
import { ASKED_MIN, CASES } from "./cases.ts";

const FOLDER = new URL("../../integrations/monitoring/", import.meta.url);
const RULES = new URL("prometheus-rules.yaml", FOLDER).pathname;
const DASHBOARD = readFileSync(new URL("grafana-dashboard.json", FOLDER), "utf8");
const DOCUMENT = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");

interface Rules {
  groups: { rules: { alert: string; expr: string; annotations: { summary: string; description: string } }[] }[];
}

const directory = mkdtempSync(join(tmpdir(), "hosttrail-monitoring-"));
after(() => rmSync(directory, { recursive: true }));

const rules = (parse(readFileSync(RULES, "utf8")) as Rules).groups.flatMap((group) => group.rules);

/** All values of a key in a tree. */
function valuesOf(tree: unknown, key: string): string[] {
  if (tree === null || typeof tree !== "object") return [];
  return Object.entries(tree).flatMap(([name, value]) =>
    name === key && typeof value === "string" ? [value] : valuesOf(value, key),
  );
}

const expressions = valuesOf(JSON.parse(DASHBOARD), "expr");

/** Metrics of an expression that docs/metrics.md does not have. */
function unknownMetrics(expression: string): string[] {
  const documented = new Map(
    Array.from(DOCUMENT.matchAll(/^\| `(hosttrail_\w+)` \| (\w+) \|/gm), ([, name = "", type = ""]) => [name, type]),
  );
  return Array.from(expression.matchAll(/\bhosttrail_\w+/g), ([name]) => name).filter((name) => {
    const of = name.replace(/_(?:bucket|sum|count)$/, "");
    return !documented.has(name) && documented.get(of) !== "histogram";
  });
}

describe("alert rules and dashboard", () => {
  it("ask for metrics that there are", () => {
    assert.ok(rules.length > 20 && expressions.length > 20);
    for (const expression of [...rules.map(({ expr }) => expr), ...expressions])
      assert.deepEqual(unknownMetrics(expression), [], expression);
    assert.deepEqual(unknownMetrics("rate(hosttrail_no_such_total[5m])"), ["hosttrail_no_such_total"]);
  });

  it("take collectors by their job, as docs/metrics.md says", () => {
    for (const expression of [...rules.map(({ expr }) => expr), ...expressions])
      for (const [, labels] of expression.matchAll(/\bhosttrail_\w+(\{[^}]*\})?/g))
        assert.match(labels ?? "", /job="hosttrail"/, expression);
  });

  it("have a case for each rule, and say what to do", () => {
    assert.deepEqual(CASES.map(({ alert }) => alert).toSorted(), rules.map(({ alert }) => alert).toSorted());
    for (const { alert, annotations } of rules) {
      assert.ok(annotations.summary.length > 10 && annotations.description.length > 20, alert);
    }
  });
});

describe("by their own programs", { skip: whyNoCheckers() ?? false, timeout: 900_000 }, () => {
  it("rules are right, and those with a mistake are not", () => {
    execFileSync(checker("promtool"), ["check", "rules", RULES], { stdio: "pipe" });
    const broken = join(directory, "broken.yaml");
    writeFileSync(broken, readFileSync(RULES, "utf8").replace("== 0", "== = 0"));
    assert.notEqual(spawnSync(checker("promtool"), ["check", "rules", broken]).status, 0);
  });

  it("each rule fires where it must, and does not where it must not", () => {
    const test = (series: Readonly<Record<string, string>>, name: string, query: string, samples: unknown[]) => ({
      name,
      interval: "1m",
      input_series: Object.entries(series).map(([key, values]) => ({ series: key, values })),
      promql_expr_test: [{ expr: query, eval_time: `${ASKED_MIN}m`, exp_samples: samples }],
    });
    const tests = CASES.flatMap(({ alert, labels, fires, quiet }) => {
      const all = { alertname: alert, alertstate: "firing", ...labels };
      const text = Object.entries(all).map(([key, value]) => `${key}="${value}"`);
      const query = `ALERTS{alertname="${alert}", alertstate="firing"}`;
      const sample = { labels: `ALERTS{${text.join(", ")}}`, value: 1 };
      return [test(fires, `${alert} fires`, query, [sample]), test(quiet, `${alert} is quiet`, query, [])];
    });
    const file = join(directory, "rules.test.yaml");
    writeFileSync(file, stringify({ rule_files: [RULES], evaluation_interval: "1m", tests }));
    const { status, stdout, stderr } = spawnSync(checker("promtool"), ["test", "rules", file], { encoding: "utf8" });
    assert.equal(status, 0, `${stdout}\n${stderr}`);
  });

  it("the dashboard is one by Grafana's own types, and one with another field is not", () => {
    execFileSync(checker("dashboard"), { input: DASHBOARD, stdio: "pipe" });
    const broken = DASHBOARD.replace('"gridPos"', '"gridPosition"');
    assert.notEqual(spawnSync(checker("dashboard"), { input: broken }).status, 0);
  });

  it("expressions of the dashboard are right", () => {
    const plain = expressions.map((expression) =>
      expression.replaceAll("$__rate_interval", "5m").replaceAll("$instance", ".*"),
    );
    const groups = [{ name: "dashboard", rules: plain.map((expr, at) => ({ record: `panel_${at}`, expr })) }];
    const file = join(directory, "dashboard.yaml");
    writeFileSync(file, stringify({ groups }));
    execFileSync(checker("promtool"), ["check", "rules", "--lint=none", file], { stdio: "pipe" });
  });
});
