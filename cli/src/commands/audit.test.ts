import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { readAuditRules } from "@hosttrail/lib/detect";
import { auditRuleFiles } from "./audit.ts";
import { plainOutput } from "../output/index.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "hosttrail-audit-"));
after(() => rmSync(FOLDER, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(FOLDER, name);
  writeFileSync(path, text);
  return path;
}

const rule = (name: string, logsource: string, detection: string): string =>
  write(
    `${name}.yml`,
    `title: ${name} \\x07\nname: ${name}\nlogsource: {product: linux, ${logsource}}\ndetection: {s: {${detection}}, condition: s}\n`,
  );
const given = write(
  "given.rules",
  "-a always,exit -F arch=b64 -S execve,fork -k exec\n-w /usr/bin/sudo -p x -k sudo\n-w /etc/passwd -p wa -k identity\n",
);

async function audit(paths: readonly string[], json = false): Promise<{ text: string; status: number }> {
  let text = "";
  const output = plainOutput(
    json,
    (part) => void (text += part),
    () => undefined,
  );
  const options = { paths, auditRules: [given], spec: "", placeholders: "", since: undefined };
  const status = await auditRuleFiles(options, output, () => assert.fail("no collector is asked"));
  return { text, status };
}

describe("hosttrail rules audit", () => {
  const process = rule("process", "category: process_creation", "Image: /bin/x");
  const login = rule("login", "service: auditd", "type: USER_LOGIN");

  it("prints audit rules that can be pasted, each with what it is for", async () => {
    const { text, status } = await audit([process, login]);
    assert.equal(status, 0);
    const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    assert.deepEqual(lines, ["-a always,exit -F arch=b64 -S execve -k exec", "-w /usr/bin/sudo -p x -k sudo"]);
    assert.equal(readAuditRules([text]).rules.length, 2);
    assert.match(text, /^# 2 audit rules for 1 detections \(no fewer lines do\): 2 of 3 that were given, 0 others\.\n/);
    assert.match(text, /\n# 1 detections need no audit rule/);
    assert.match(text, /\n# exec: not measured\n# {3}for process; without fork, which none needs\n-a always/);
  });

  it("gives JSON where it is asked for", async () => {
    const { text } = await audit([process], true);
    const [first, second, last] = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(first?.["detections"], ["process"]);
    assert.equal(first["cost"], null);
    assert.equal(second?.["line"], "-w /usr/bin/sudo -p x -k sudo");
    assert.deepEqual(last, { lines: 2, lowerBound: 2 });
  });

  it("ends with 3 where nothing can feed a detection, and with 1 where one cannot be read", async () => {
    const mute = await audit([rule("windows", "service: sshd", "a: b")]);
    assert.equal(mute.status, 3);
    assert.match(mute.text, /\n# cannot be fed: windows: service sshd is a log of its own/);
    const broken = await audit([process, write("broken.yml", "title: \u0007\ndetection: []\n")]);
    assert.equal(broken.status, 1);
    assert.match(broken.text, /\n# rejected: .*broken\.yml:/);
  });
});
