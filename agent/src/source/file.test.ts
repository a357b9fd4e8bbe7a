import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { openFiles } from "./file.ts";
import { formatLogLine, parseLogLine } from "./line.ts";

const directory = mkdtempSync(join(tmpdir(), "hosttrail-source-"));
const path = join(directory, "audit.log");
after(() => rmSync(directory, { recursive: true }));

describe("a log line", () => {
  it("gives type, node, time, serial and the kernel's own text", () => {
    const line = "node=web1 type=SYSCALL msg=audit(1700000000.042:7): arch=c000003e key=(null)\u001dARCH=x86_64";
    assert.deepEqual(parseLogLine(line), {
      type: 1300,
      node: "web1",
      seconds: 1_700_000_000,
      milliseconds: 42,
      serial: 7,
      text: "arch=c000003e key=(null)",
      actor: "",
      call: undefined,
      enriched: "ARCH=x86_64",
      position: 0,
    });
  });

  it("has auditd's own words apart, also where a copy lost the separator", () => {
    const enriched = (text: string): string | undefined =>
      parseLogLine(`type=SYSCALL msg=audit(1.000:1): ${text}`)?.enriched;
    assert.equal(enriched('key="k"ARCH=x86_64 SYSCALL=openat AUID="root"'), 'ARCH=x86_64 SYSCALL=openat AUID="root"');
    assert.equal(enriched("saddr=0100SADDR={ fam=local path= }"), "SADDR={ fam=local path= }");
    assert.equal(enriched("key=6B3AARCH=x86_64"), "ARCH=x86_64");
    assert.equal(enriched("pid=1 msg='op=x res=success'UID=\"root\""), 'UID="root"');
    // What user space wrote is no enrichment, whatever it looks like.
    assert.equal(enriched("pid=1 msg='op=1UID=\"root\" res=success'"), "");
    assert.equal(enriched("pid=1 msg='op=x\u001dUID=\"root\" res=success'"), "");
    assert.equal(enriched('comm="xARCH=y" exe="/bin/ls"'), "");
  });

  it("is written as it is read", () => {
    for (const line of [
      'type=CWD msg=audit(1.007:1): cwd="/"',
      "node=a type=UNKNOWN[1999] msg=audit(1700000000.123:4294967295): x=1",
      "type=SYSCALL msg=audit(1.000:1): arch=c000003e key=(null)\u001dARCH=x86_64 SYSCALL=openat",
    ]) {
      const record = parseLogLine(line);
      assert.equal(record && formatLogLine(record), line);
    }
  });

  it("may have a type without a name", () => {
    assert.equal(parseLogLine("type=UNKNOWN[1999] msg=audit(1.000:1): x=1")?.type, 1999);
  });

  it("that is none is undefined, and never an error", () => {
    for (const line of [
      "",
      "type=",
      "type=NOPE msg=audit(1.0:1): x",
      "type=CWD msg=audit(1.0:99999999999): x",
      "node=x",
    ]) {
      assert.equal(parseLogLine(line), undefined, line);
    }
    const unit = fc.constantFrom("type=CWD", " msg=audit(", "1.", ":", ")", "node=", " ", "9", "\u00ff");
    fc.assert(fc.property(fc.string({ unit }), (line) => void parseLogLine(line)));
  });
});

describe("a file source", () => {
  it("reads to the end and counts lines that are no records", async () => {
    writeFileSync(path, 'type=CWD msg=audit(1.000:1): cwd="/"\nnot a record\n');
    const texts: string[] = [];
    const source = openFiles(path, (record) => texts.push(record.text));
    await source.finished;
    assert.deepEqual(texts, ['cwd="/"']);
    assert.equal(source.counters().parseFailures, 1);
  });

  it("reads rotated and compressed files first, the oldest first", async () => {
    const line = (serial: number): string => `type=CWD msg=audit(1.000:${serial}): cwd="/"\n`;
    writeFileSync(path, line(4));
    writeFileSync(`${path}.1`, line(3));
    writeFileSync(`${path}.2.gz`, gzipSync(line(2)));
    writeFileSync(`${path}.10.zst`, zstdCompressSync(line(1)));
    writeFileSync(`${path}.old`, line(5));
    const serials: number[] = [];
    await openFiles(path, (record) => serials.push(record.serial)).finished;
    assert.deepEqual(serials, [1, 2, 3, 4]);
    for (const file of ["", ".1", ".2.gz", ".10.zst", ".old"]) rmSync(path + file);
  });

  it("cuts no line at the end of a chunk, and gives up on one that never ends", async () => {
    const long = `type=CWD msg=audit(1.000:1): cwd="${"x".repeat(300_000)}"`;
    writeFileSync(path, `${long}\n${"y".repeat(3_000_000)}\n${long}`);
    const lengths: number[] = [];
    const source = openFiles(path, (record) => lengths.push(record.text.length));
    await source.finished;
    assert.deepEqual(lengths, [300_006, 300_006]);
    assert.equal(source.counters().parseFailures, 1);
  });

  it("can be closed in the middle", async () => {
    writeFileSync(path, 'type=CWD msg=audit(1.000:1): cwd="/"\n'.repeat(200_000));
    let records = 0;
    const source = openFiles(path, () => records++);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await source.close(true);
    assert.ok(records < 200_000);
  });
});
