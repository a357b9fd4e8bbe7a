import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";

const ROOT = new URL("../..", import.meta.url).pathname;
const COMMAND = join(ROOT, "node_modules/.bin/hosttrail");
const SPEC = join(ROOT, "integrations/examples/fleet.yaml");

describe("hosttrail in a checkout", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "hosttrail-bin-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  function run(path: string, ...words: string[]): SpawnSyncReturns<string> {
    return spawnSync(COMMAND, words, { cwd: folder, encoding: "utf8", env: { PATH: path } });
  }

  it("is linked by npm, and runs from any folder", () => {
    assert.ok(existsSync(COMMAND), `${COMMAND} is not there: npm ci makes it`);
    const { status, stdout, stderr } = run(
      `${dirname(process.execPath)}:/usr/bin:/bin`,
      "fleet",
      "validate",
      "--spec",
      SPEC,
    );
    assert.equal(status, 0, stderr);
    assert.match(stdout, /: ok, fleet "example"/);
  });

  it("is started by a link of one's own, too", () => {
    const link = join(folder, "ht");
    symlinkSync(COMMAND, link);
    const path = `${dirname(process.execPath)}:/usr/bin:/bin`;
    const { status, stdout } = spawnSync(link, ["--help"], { cwd: folder, encoding: "utf8", env: { PATH: path } });
    assert.equal(status, 0);
    assert.match(stdout, /^Usage: hosttrail /);
  });

  it("takes no Node that is too old, and says what it wants where there is no other", () => {
    const old = join(folder, "old");
    mkdirSync(old);
    // Answers as a Node of another version does to the question whether it fits.
    writeFileSync(join(old, "node"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    const { status, stdout, stderr } = run(`${old}:/usr/bin:/bin`, "--help");
    const arch = process.arch === "arm64" ? "arm64" : "x64";
    if (existsSync(join(ROOT, `tools/node/node_modules/node-linux-${arch}/bin/node`))) {
      assert.equal(status, 0, stderr);
      assert.match(stdout, /^Usage: hosttrail /);
    } else {
      assert.equal(status, 1);
      const { engines } = JSON.parse(readFileSync(join(ROOT, "cli/package.json"), "utf8")) as {
        engines: { node: string };
      };
      const wanted = `hosttrail: Node.js ${engines.node.replace(">=", "")} or newer is needed. Install it, or run ./dev check once`;
      assert.ok(stderr.startsWith(wanted), stderr);
    }
  });

  it("hands on how the command ended", () => {
    const { status, stderr } = run(`${dirname(process.execPath)}:/usr/bin:/bin`, "no-such-command");
    assert.equal(status, 2);
    assert.match(stderr, /"no-such-command" is no command/);
  });
});
