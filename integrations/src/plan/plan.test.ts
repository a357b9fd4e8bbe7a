import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { hostFiles } from "../render/index.ts";
import { type Fleet, loadFleet } from "../spec/index.ts";
import { lineDiff } from "./diff.ts";
import { factsScript, type HostFacts, planOf, readFacts } from "./index.ts";

const fleet = loadFleet(join(new URL("../..", import.meta.url).pathname, "examples/fleet.yaml"));

/** A host that is as the fleet says. */
const right: HostFacts = {
  version: "0.1.0",
  files: new Map(hostFiles(fleet).map(({ path, mode, content }) => [path, { mode, content }])),
  enabled: true,
  active: true,
  auditd: false,
  container: "",
  commandLine: ["audit=1"],
  rules: ["= -w /etc/hostname -p wa -k name"],
};

const texts = (facts: Partial<HostFacts>, of: Fleet = fleet): string[] =>
  planOf(of, { ...right, ...facts }).map(({ sign, text }) => `${sign} ${text}`);

describe("the plan for a host", () => {
  it("is empty where the host is as it shall be", () => {
    assert.deepEqual(texts({}), []);
  });

  it("names package, files with their difference, service and rules that would change", () => {
    assert.deepEqual(texts({ version: "" }), ["+ package hosttrail-agent 0.1.0"]);
    assert.deepEqual(texts({ version: "0.0.9" }), ["~ package hosttrail-agent 0.0.9 -> 0.1.0 (restarts the agent)"]);
    assert.deepEqual(texts({ enabled: false, active: false }), ["~ hosttrail-agent.service is enabled and started"]);
    const path = "/etc/hosttrail-agent/agent.yaml";
    const now = right.files.get(path) ?? { mode: "", content: "" };
    const old = { mode: "0644", content: now.content.replace("cpu_percent: 10", "cpu_percent: 5") };
    const [change] = planOf(fleet, { ...right, files: new Map([...right.files, [path, old]]) });
    assert.deepEqual(change, {
      sign: "~",
      text: path,
      details: ["mode 0644 -> 0600", "-  cpu_percent: 5", "+  cpu_percent: 10"],
    });
    const proxy = "/etc/systemd/system/hosttrail-agent.service.d/proxy.conf";
    assert.deepEqual(texts({ files: new Map([...right.files, [proxy, { mode: "0644", content: "x" }]]) }), [
      `- ${proxy}`,
    ]);
    const rules = ["= -w /a", "+ -w /b  (f:1)", "- -w /c", "? -w /d", "! audit is locked (enabled 2): reboot required"];
    assert.deepEqual(texts({ rules }), [
      "~ audit rules (1 are loaded as they shall be)",
      "? 1 audit rules of others, which stay",
      "! audit is locked (enabled 2): reboot required",
    ]);
    assert.deepEqual(texts({ rules: undefined }), [
      "? audit rules: unknown until the agent is there to read the kernel's",
    ]);
  });

  it("says what stands in the way", () => {
    const forbidden: Fleet = { ...fleet, agent: { ...fleet.agent, auditMode: "fail-if-auditd" } };
    assert.match(texts({ auditd: true }, forbidden)[0] ?? "", /^! auditd runs, and audit_mode is fail-if-auditd/);
    assert.match(texts({ container: "docker" })[0] ?? "", /^! this is a container \(docker\)/);
    assert.match(texts({ commandLine: [] })[0] ?? "", /^! the kernel was started without audit=1/);
  });
});

describe("what a host is asked", () => {
  it("is a shell script, whatever stands in the spec", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (label, rules) => {
        const odd: Fleet = { ...fleet, ownRules: `${rules}\n`, agent: { ...fleet.agent, labels: { x: label } } };
        const { status, stderr } = spawnSync("sh", ["-n"], { input: factsScript(hostFiles(odd)), encoding: "utf8" });
        assert.equal(status, 0, stderr);
      }),
      { numRuns: 50 },
    );
  });

  it("is answered by this machine, and the answer is understood", () => {
    const { stdout } = spawnSync("sh", ["-s"], { input: factsScript([]), encoding: "utf8" });
    const facts = readFacts(stdout);
    assert.ok(facts.commandLine.length > 0);
  });

  it("is refused where it breaks off, and never anything else, whatever comes", () => {
    assert.throws(() => readFacts("version MC4xLjA=\n"), /broke off/);
    fc.assert(
      fc.property(fc.string(), (text) => {
        readFacts(`${text.replaceAll("\n", " ")}\nfile ${Buffer.from(text).toString("base64")}\nend\n`);
      }),
    );
  });
});

describe("a difference of lines", () => {
  it("turns one text into the other", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 12 }).map((lines) => lines.join("\n"));
    fc.assert(
      fc.property(text, text, (before, after) => {
        const diff = lineDiff(before, after);
        const count = (lines: readonly string[], of: string): number => lines.filter((line) => line === of).length;
        for (const line of new Set([...before.split("\n"), ...after.split("\n")])) {
          const change = count(diff, `+${line}`) - count(diff, `-${line}`);
          assert.equal(count(before.split("\n"), line) + change, count(after.split("\n"), line));
        }
        if (before === after) assert.deepEqual(diff, []);
      }),
    );
  });
});
