import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { describeRule } from "./describe.ts";
import { readRules } from "./files.ts";

const folder = mkdtempSync(join(tmpdir(), "hosttrail-rules-"));
const file = join(folder, "my.rules");
const isRoot = process.getuid?.() === 0;
after(() => rmSync(folder, { recursive: true }));

function read(content: string | Buffer, mode = 0o640): { rules: string[]; errors: [number, string][] } {
  writeFileSync(file, content);
  chmodSync(file, mode);
  const { rules, errors } = readRules({ files: [file], directory: "", ownPid: 0 });
  return {
    rules: rules.map(({ data }) => describeRule(data)),
    errors: errors.map(({ line, reason }) => [line, reason]),
  };
}

describe("a rule file", () => {
  it("that everybody may write is refused whole, with its mode", () => {
    const { rules, errors } = read("-w /etc -p wa\n", 0o646);
    assert.deepEqual(rules, []);
    assert.equal(errors.length, 1);
    assert.match(errors[0]?.[1] ?? "", /everybody may write this file \(its mode is 0646\)/);
    assert.equal(read("-w /etc -p wa\n", 0o644).rules.length, 1);
  });

  it("that a group or another user may write is refused, where these are not root's", { skip: !isRoot }, () => {
    assert.equal(read("-w /etc -p wa\n", 0o664).rules.length, 1, "root's group is root");
    chownSync(file, 0, 1234);
    assert.match(read("-w /etc -p wa\n", 0o664).errors[0]?.[1] ?? "", /group 1234 may write this file/);
    chownSync(file, 1234, 0);
    assert.match(read("-w /etc -p wa\n").errors[0]?.[1] ?? "", /user 1234 owns this file; it must be root's/);
    chownSync(file, 0, 0);
  });

  it("in Latin-1 has errors where its names would be others, and keeps the lines that are right", () => {
    const text = "# caf\u00e9\n-w /etc -p wa\n-w /srv/caf\u00e9 -p w\n-w /usr -p w\n";
    const { rules, errors } = read(Buffer.from(text, "latin1"));
    assert.deepEqual(rules.length, 2);
    assert.deepEqual(
      errors.map(([line]) => line),
      [3],
    );
    assert.match(errors[0]?.[1] ?? "", /no UTF-8/);
    const right = read(text);
    assert.deepEqual(right.errors, []);
    assert.match(right.rules[1] ?? "", /path=\/srv\/caf\u00e9 /);
  });

  it("that is none is told, not waited for", () => {
    const none = join(folder, "folder.rules");
    mkdirSync(none);
    const { errors } = readRules({ files: [none, join(folder, "missing.rules")], directory: "", ownPid: 0 });
    assert.match(errors[0]?.reason ?? "", /no regular file/);
    assert.match(errors[1]?.reason ?? "", /ENOENT/);
  });
});
