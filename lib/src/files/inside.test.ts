import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { insideRoot } from "./inside.ts";

describe("a path of another root", () => {
  const root = mkdtempSync(join(tmpdir(), "hosttrail-root-"));
  mkdirSync(join(root, "run/lock"), { recursive: true });
  mkdirSync(join(root, "var/lib"), { recursive: true });
  writeFileSync(join(root, "run/lock/file"), "");
  symlinkSync("/run", join(root, "var/run"));
  symlinkSync("../../run/lock", join(root, "var/lib/lock"));
  symlinkSync("loop", join(root, "loop"));
  symlinkSync("../../../../../../etc", join(root, "out"));
  symlinkSync("/run/lock/file", join(root, "last"));
  after(() => rmSync(root, { recursive: true }));

  it("is the path itself where there is no other root", () => {
    assert.equal(insideRoot("", "/var/run/../x"), "/var/run/../x");
  });

  it("follows links to where they lead there", () => {
    assert.equal(insideRoot(root, "/var/run/lock/file"), `${root}/run/lock/file`);
    assert.equal(insideRoot(root, "/var/lib/lock/file"), `${root}/run/lock/file`);
    assert.equal(insideRoot(root, "/last"), `${root}/run/lock/file`);
    assert.equal(insideRoot(root, "/last", false), `${root}/last`);
    assert.equal(insideRoot(root, "/var/run/gone/too"), `${root}/run/gone/too`);
    assert.equal(insideRoot(root, "/"), `${root}/`);
  });

  it("never leads out of it, nor on for ever", () => {
    assert.equal(insideRoot(root, "/out/passwd"), `${root}/etc/passwd`);
    assert.equal(insideRoot(root, "/../../etc/passwd"), `${root}/etc/passwd`);
    assert.equal(insideRoot(root, "/loop/file"), `${root}/loop/file`);
  });
});
