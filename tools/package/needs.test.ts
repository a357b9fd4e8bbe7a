import assert from "node:assert/strict";
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { readRequest } from "./arguments.ts";
import { explain, lacks } from "./needs.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const OTHER = process.arch === "arm64" ? "x64" : "arm64";
const PREFIX = process.arch === "arm64" ? "x86_64-linux-gnu" : "aarch64-linux-gnu";

/** What is said where a machine has all but these. */
function said(without: readonly string[], ...words: string[]): string {
  const request = readRequest(words);
  const found = lacks(request, (program) => !without.includes(program));
  return found.length === 0 ? "" : explain(request, found);
}

describe("what packaging needs of a machine", () => {
  it("is nothing more where all is there", () => {
    assert.equal(said([], "agent"), "");
    assert.equal(said([], "repository", "--sign", "key"), "");
  });

  it("is a cross compiler for the other architecture; this one's packages can be made without", () => {
    const text = said([`${PREFIX}-g++`], "agent");
    assert.match(
      text,
      new RegExp(`^  agent ${OTHER}: missing is ${PREFIX.replace("+", "\\+")}-g\\+\\+ \\(Debian: `, "m"),
    );
    assert.match(text, new RegExp(`^as it is, this can be made: \\./dev package agent ${process.arch}$`, "m"));
    assert.doesNotMatch(text, new RegExp(`package agent ${OTHER}`));
    assert.equal(said([`${PREFIX}-g++`], "agent", process.arch), "");
    assert.equal(said([`${PREFIX}-g++`], "collector"), "", "the collector has nothing that is compiled");
  });

  it("is rpmbuild for an rpm alone; the other formats can be made without", () => {
    const text = said(["rpmbuild"], "collector", "x64");
    assert.match(text, /^ {2}collector x64 rpm: missing is rpmbuild \(Debian: rpm\)$/m);
    assert.match(text, /^all of it with: apt-get install rpm$/m);
    assert.match(text, /can be made: \.\/dev package collector x64 --format folder --format tar --format deb$/m);
    assert.equal(said(["rpmbuild"], "collector", "--format", "deb"), "");
  });

  it("is said of each format and of signing", () => {
    assert.match(said(["zstd"], "agent", "x64", "--format", "tar"), /agent x64 tar: missing is zstd/);
    assert.match(said(["dpkg-deb"], "agent", "x64", "--format", "deb"), /agent x64 deb: missing is dpkg-deb/);
    assert.match(said(["gpg"], "agent", "--sign", "key"), /agent: missing is gpg/);
    assert.doesNotMatch(said(["gpg"], "agent", "--sign", "key"), /this can be made/);
    assert.match(
      said(["createrepo_c"], "repository"),
      /a repository: missing is createrepo_c \(Debian: createrepo-c\)/,
    );
    assert.equal(said(["rpmsign"], "repository"), "", "without --sign nothing is signed");
  });

  it("refuses words that it does not know, and says which there are", () => {
    assert.throws(() => readRequest(["agents"]), /product "agents"; there are agent, collector, repository/);
    assert.throws(() => readRequest(["agent", "mips"]), /architecture "mips"; there are x64, arm64/);
    assert.throws(() => readRequest(["agent", "--format", "apk"]), /format "apk"; there are folder, tar, deb, rpm/);
  });

  describe("by ./dev package", () => {
    let folder: string;
    before(() => {
      folder = mkdtempSync(join(tmpdir(), "hosttrail-needs-"));
      // A machine that has just what this test names.
      for (const program of ["bash", "sh", "env", "dirname", "uname", "git", "tar", "zstd", "gzip", "g++", "strip"]) {
        const { stdout } = spawnSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" });
        if (stdout !== "") symlinkSync(stdout.trim(), join(folder, program));
      }
      symlinkSync(process.execPath, join(folder, "node"));
      symlinkSync("/bin/true", join(folder, "npm"));
    });
    after(() => rmSync(folder, { recursive: true }));

    function dev(...words: string[]): SpawnSyncReturns<string> {
      return spawnSync(join(ROOT, "dev"), ["package", ...words], { encoding: "utf8", env: { PATH: folder } });
    }

    it("is said before anything is made", () => {
      const out = join(folder, "dist");
      const { status, stderr } = dev("agent", "--out", out);
      assert.equal(status, 1);
      assert.match(
        stderr,
        /^package: not everything that was asked for can be made on this machine, and so nothing was:$/m,
      );
      assert.match(stderr, new RegExp(`agent ${process.arch} deb: missing is dpkg-deb \\(Debian: dpkg\\)`));
      assert.match(stderr, new RegExp(`package agent ${process.arch} --format folder --format tar$`, "m"));
      assert.ok(!existsSync(out));
    });
  });
});
