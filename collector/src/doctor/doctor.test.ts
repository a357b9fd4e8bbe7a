import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { checkClock } from "./clock.ts";
import { checkDatabase, type DatabaseFacts } from "./database.ts";
import { checkFiles } from "./files.ts";
import { type Finding, textOf } from "./finding.ts";
import { checkLimits } from "./limits.ts";
import { checkPorts } from "./ports.ts";

const directory = mkdtempSync(join(tmpdir(), "hosttrail-doctor-"));
after(() => rmSync(directory, { recursive: true }));

const levels = (findings: readonly Finding[]): string => findings.map(({ level }) => level).join(" ");

function file(name: string, mode: number): string {
  const path = join(directory, name);
  writeFileSync(path, "secret");
  chmodSync(path, mode);
  return path;
}

describe("files", () => {
  const check = (path: string, isSecret: boolean): Finding[] => checkFiles([{ key: "tls.key_file", path, isSecret }]);

  it("that are secrets are their owner's alone, others may be read", () => {
    assert.equal(levels(check(file("own", 0o600), true)), "ok");
    assert.match(
      check(file("group", 0o640), true)[0]?.text ?? "",
      /^tls\.key_file: .* has mode 0640; allowed are 0600/,
    );
    assert.equal(levels(check(file("public", 0o644), false)), "ok");
    assert.match(check(file("open", 0o666), false)[0]?.text ?? "", /others can replace what we trust/);
  });

  it("that are not there are named, and what is in them is not told", () => {
    const [finding] = check(join(directory, "none"), true);
    assert.equal(finding?.level, "failed");
    assert.match(finding?.text ?? "", /ENOENT/);
  });

  it("in a folder where everybody writes can be exchanged", () => {
    const open = join(directory, "folder");
    mkdirSync(open);
    chmodSync(open, 0o777);
    writeFileSync(join(open, "key"), "", { mode: 0o600 });
    assert.match(check(join(open, "key"), true)[0]?.text ?? "", /others can write to/);
    // As in /tmp, where only the owner of a file removes it.
    chmodSync(open, 0o1777);
    assert.equal(levels(check(join(open, "key"), true)), "ok");
  });
});

describe("limits", () => {
  const text = (files: string, core: string): string =>
    `Limit                     Soft Limit           Hard Limit           Units     \nMax core file size        ${core}                    unlimited            bytes     \nMax open files            ${files}                 1048576              files     \n`;

  it("of files are held against connections, and a core is none", () => {
    assert.equal(levels(checkLimits(16_384, text("1048576", "0"))), "ok ok");
    assert.equal(levels(checkLimits(16_384, text("1024", "0"))), "warning ok");
    assert.equal(levels(checkLimits(16_384, text("unlimited", "unlimited"))), "ok warning");
  });

  it("of this process can be read", () => {
    assert.equal(checkLimits(1).length, 2);
    assert.doesNotMatch(checkLimits(1)[0]?.text ?? "", /^only 0 /);
  });
});

describe("ports", () => {
  it("are free, or taken by another program, or by the collector that runs, or are the same twice", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => void taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    const at = { key: "ingest.listen", listen: `127.0.0.1:${port}` };
    assert.match((await checkPorts([at], false))[0]?.text ?? "", /another program listens there/);
    assert.equal(levels(await checkPorts([at], true)), "ok");
    const twice = await checkPorts([at, { ...at, key: "query.listen" }], true);
    assert.match(twice[1]?.text ?? "", /^query\.listen and ingest\.listen are both/);
    await new Promise((resolve) => void taken.close(resolve));
    assert.equal(levels(await checkPorts([at], false)), "ok");
    assert.equal(levels(await checkPorts([at], true)), "warning");
    assert.match(
      (await checkPorts([{ key: "x", listen: "203.0.113.1:7443" }], false))[0]?.text ?? "",
      /no such address/,
    );
  });
});

describe("clocks", () => {
  it("agree within the time that asking takes, else they are off", () => {
    const level = (beforeMs: number, theirMs: number, afterMs: number): string =>
      checkClock("NATS", { beforeMs, theirMs, afterMs }).level;
    assert.equal(level(1000, 3000, 5000), "ok");
    assert.equal(level(1000, 1990, 1010), "ok");
    assert.equal(level(1000, 3000, 1010), "warning");
    assert.equal(level(100_000, 1000, 100_010), "failed");
  });
});

describe("what drivers say", () => {
  it("is told without passwords", () => {
    const text = textOf(new Error("connect mongodb://user:pass%20word@db:27017/x and nats://token@n:4222 failed"));
    assert.equal(text, "connect mongodb://…@db:27017/x and nats://…@n:4222 failed");
    assert.doesNotMatch(text, /pass|token/);
  });
});

describe("a database", () => {
  const facts: DatabaseFacts = {
    version: "8.0.4",
    isEmbedded: false,
    isReplicated: true,
    write: "done",
    disk: { usedBytes: 50, totalBytes: 100 },
    clock: undefined,
  };

  it("is fine, or cannot be written, or is on one disk, or is full", () => {
    assert.equal(levels(checkDatabase(facts)), "ok ok ok");
    assert.match(checkDatabase({ ...facts, write: { failed: "not authorized" } })[1]?.text ?? "", /readWrite/);
    assert.equal(levels(checkDatabase({ ...facts, isReplicated: false })), "ok ok warning ok");
    assert.equal(
      levels(checkDatabase({ ...facts, isReplicated: false, isEmbedded: true, disk: undefined })),
      "ok ok ok",
    );
    assert.equal(levels(checkDatabase({ ...facts, disk: { usedBytes: 90, totalBytes: 100 } })), "ok ok warning");
    assert.equal(levels(checkDatabase({ ...facts, disk: { usedBytes: 99, totalBytes: 100 } })), "ok ok failed");
  });
});
