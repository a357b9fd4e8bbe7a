import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { openFile, parseLogLine } from "./file.ts";

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
      position: 0,
    });
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
    const source = openFile(path, (record) => texts.push(record.text));
    await source.finished;
    assert.deepEqual(texts, ['cwd="/"']);
    assert.equal(source.counters().parseFailures, 1);
  });

  it("can be closed in the middle", async () => {
    writeFileSync(path, 'type=CWD msg=audit(1.000:1): cwd="/"\n'.repeat(200_000));
    let records = 0;
    const source = openFile(path, () => records++);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await source.close(true);
    assert.ok(records < 200_000);
  });
});
