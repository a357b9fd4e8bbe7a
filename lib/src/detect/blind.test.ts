/** What leaving a program out would blind. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readRules } from "../sigma/index.ts";
import { exclusionOf, readAuditRules } from "./index.ts";

const AUDIT = readAuditRules([
  "-a always,exit -F arch=b64 -S execve,execveat -k exec",
  "-a always,exit -F arch=b32 -S execve -k exec",
  "-a always,exit -F arch=b64 -S connect -k net",
]);

function rules(...detections: string[]): ReturnType<typeof readRules> {
  return readRules(
    detections.map((selection, at) => ({
      path: `${at}.yml`,
      text: `title: rule ${at}\nlogsource: {product: linux, category: process_creation}\ndetection:\n  s: ${selection}\n  condition: s\n`,
    })),
  );
}

describe("leaving a program out", () => {
  it("blinds detections that may match what it does, and no others", () => {
    const collection = rules("{CommandLine|contains: evil}", "{Image|endswith: /curl}", "{Image|endswith: /python3}");
    const found = exclusionOf(collection, AUDIT, { key: "exec", executable: "/usr/bin/curl" });
    assert.deepEqual(
      found?.blinds.map(({ title }) => title),
      ["rule 0", "rule 1"],
    );
    assert.deepEqual(found?.lines, [
      "-A never,exit -F arch=b64 -S execve,execveat -F exe=/usr/bin/curl",
      "-A never,exit -F arch=b32 -S execve -F exe=/usr/bin/curl",
    ]);
  });

  it("blinds none that is fed by another key", () => {
    const found = exclusionOf(rules("{CommandLine|contains: evil}"), AUDIT, {
      key: "net",
      executable: "/usr/bin/curl",
    });
    assert.deepEqual(found?.blinds, []);
    assert.deepEqual(found?.lines, ["-A never,exit -F arch=b64 -S connect -F exe=/usr/bin/curl"]);
  });

  it("has no line for what a line cannot name", () => {
    for (const executable of ["", "relative", "/a b", "/a\n-D", "/x -F pid=1", "(deleted)"])
      assert.equal(exclusionOf(rules(), AUDIT, { key: "exec", executable }), undefined, executable);
    assert.equal(exclusionOf(rules(), AUDIT, { key: "unknown", executable: "/bin/a" }), undefined);
  });
});
