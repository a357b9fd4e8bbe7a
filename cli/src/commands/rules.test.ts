import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { checkRuleFiles } from "./rules.ts";
import { plainOutput } from "../output/index.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "hosttrail-rules-"));
after(() => rmSync(FOLDER, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(FOLDER, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  return path;
}

const rule = (selection: string): string =>
  `title: a rule\nlevel: high\nlogsource: { product: linux, category: process_creation }\ndetection:\n  s: { ${selection} }\n  condition: s\n`;
const audit = write("audit/exec.rules", "-a always,exit -F arch=b64 -S execve -k exec\n");

/** What the command prints, and its status. */
function check(
  path: string,
  options: { auditRules?: string[]; spec?: string; placeholders?: string; json?: boolean } = {},
): { text: string; status: number } {
  let text = "";
  const { auditRules = [audit], spec = "", placeholders = "", json = false } = options;
  const output = plainOutput(
    json,
    (part) => void (text += part),
    () => undefined,
  );
  return { status: checkRuleFiles({ path, auditRules, spec, placeholders }, output), text };
}

describe("hosttrail rules check", () => {
  it("tells of every rule in a folder and below, and ends with 0 where all can fire", () => {
    write("good/one.yml", rule("Image: x"));
    write("good/below/two.yaml", rule("Image: y"));
    write("good/readme.md", "no rule");
    symlinkSync(join(FOLDER, "good"), join(FOLDER, "good/below/again"));
    const { text, status } = check(join(FOLDER, "good"));
    assert.equal(status, 0);
    assert.equal(text.match(/^fires here {8}.*:1 {2}a rule \(high\)$/gm)?.length, 2);
    assert.match(text, /\n2 rules in 2 files, against 1 audit rules: 2 fire here, 0 cannot, 0 not compiled\n$/);
  });

  it("ends with 3 where a rule cannot fire, and says what to add", () => {
    const { text, status } = check(write("mute.yml", rule("Image: x")), { auditRules: [write("none.rules", "-D\n")] });
    assert.equal(status, 3);
    assert.match(
      text,
      /^cannot fire here .*mute\.yml:1 {2}a rule \(high\)\n {18}no audit rule is about execve, execveat\n {18}add: -a always,exit -F arch=b64 -S execve,execveat -k sigma\n/,
    );
  });

  it("ends with 1 where a rule is not compiled, with its file, line and reason", () => {
    const { text, status } = check(write("broken.yml", rule("Image|contians: x")));
    assert.equal(status, 1);
    assert.match(
      text,
      /^not compiled {6}.*broken\.yml:5 {2}a rule\n {18}unknown modifier "contians" of Image \(is it "contains"\?\)/,
    );
  });

  it("shows control characters of a rule's title, and gives JSON where it is asked for", () => {
    const path = write("odd.yml", rule("Image: x").replace("a rule", '"a \\e[31m rule"'));
    assert.ok(!check(path).text.includes("\u001b"));
    assert.deepEqual(JSON.parse(check(path, { json: true }).text).result, "fires here");
  });

  it("puts values in the place of placeholders, and rejects a rule without", () => {
    const path = write("expand.yml", rule("User|expand: '%admins%'"));
    assert.equal(check(path).status, 1);
    assert.equal(check(path, { placeholders: write("values.yaml", "admins: [root, adm]\n") }).status, 0);
    assert.throws(() => check(path, { placeholders: write("list.yaml", "- a\n") }), /allowed is a map/);
  });

  it("takes the audit rules of a fleet, and where nothing is said those of all sets that come with the agent", () => {
    const path = write("named.yml", rule("Image: x"));
    const spec = new URL("../../../integrations/examples/fleet.yaml", import.meta.url).pathname;
    assert.equal(check(path, { auditRules: [], spec }).status, 0);
    assert.match(check(path, { auditRules: [] }).text, /against \d{3} audit rules: 1 fire here/);
  });

  it("says so where there is no rule", () => {
    assert.throws(() => check(join(FOLDER, "audit")), /no rule file, whose names end in \.yml or \.yaml/);
    assert.throws(() => check(join(FOLDER, "nothing")), /ENOENT/);
  });
});
