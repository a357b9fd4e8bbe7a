import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError, mapOf, parseConfig } from "@hosttrail/lib/config";
import { checkExport, type ExportConfig, exportSchema } from "./export.ts";

function problems(targets: readonly Record<string, unknown>[]): readonly string[] {
  try {
    const text = JSON.stringify({ export: { targets } });
    checkExport(
      "c.yaml",
      parseConfig<{ export: ExportConfig }>(text, "c.yaml", mapOf({ export: exportSchema }, ["export"])).export,
    );
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
}

describe("the section export", () => {
  it("takes each kind of target with what it needs", () => {
    assert.deepEqual(
      problems([
        { name: "a", target: "files", directory: "/var/lib/a", fields: ["host.id"], filter: "process.name = curl" },
        {
          name: "b",
          target: "s3",
          bucket: "trail",
          prefix: "a/b",
          endpoint: "http://127.0.0.1:9000",
          path_style: true,
        },
        { name: "c", target: "otlp", url: "https://collector.example.org/v1/logs", what: "both" },
        { name: "d", target: "syslog", address: "tls://siem.example.org:6514" },
      ]),
      [],
    );
  });

  it("names target, key and place for all that is wrong, at once", () => {
    const found = problems([
      { name: "a", target: "files", filter: "process.pid = abc" },
      { name: "a", target: "files", directory: "/a", bucket: "trail" },
      { name: "b", target: "s3", bucket: "trail", format: "ecs", fields: ["host.id"] },
      { name: "c", target: "files", directory: "/c", what: "alerts", filter: "host.name = x" },
      { name: "d", target: "syslog", address: "tcp://127.0.0.1:99999", path_style: true, format: "ecs" },
    ]);
    assert.deepEqual(found, [
      'c.yaml: export.targets has two named "a"',
      'c.yaml: export target "a": files needs directory',
      `c.yaml: export target "a": ${filterProblem("process.pid = abc")}`,
      'c.yaml: export target "a": files has no use for bucket',
      'c.yaml: export target "b": fields are for parquet and csv; ecs has all of an event',
      'c.yaml: export target "c": filter is for events; what is alerts',
      'c.yaml: export target "d": syslog has no use for path_style',
      'c.yaml: export target "d": format is "ecs"; syslog takes cef',
      'c.yaml: export target "d": address has no such port: tcp://127.0.0.1:99999',
    ]);
  });

  it("shows no password of an address: none may stand there", () => {
    const [problem = ""] = problems([{ name: "a", target: "otlp", url: "https://me:secret@host/v1/logs" }]);
    assert.match(problem, /targets\.0\.url/);
    assert.doesNotMatch(problem, /secret/);
  });
});

/** What a filter's own error says has its column. */
function filterProblem(filter: string): string {
  const [problem = ""] = problems([{ name: "x", target: "files", directory: "/x", filter }]);
  assert.match(problem, /filter, column 15: /);
  return problem.slice(problem.indexOf("filter, column"));
}
