/** A sample of a recorded log, taken as a process of its own. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { readSample } from "@hosttrail/lib/cost";
import { Tally } from "./tally.ts";

const AGENT = new URL("../main.ts", import.meta.url).pathname;
const CAPTURE = new URL("../../../bench/captures/workload.log.gz", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "hosttrail-sample-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const log = join(folder, "audit.log");
writeFileSync(log, gunzipSync(readFileSync(CAPTURE)));

describe("a sample of a log", () => {
  const file = join(folder, "sample.json");
  execFileSync(process.execPath, [AGENT, "cost", "sample", "--log", log, "--host", "build1", "--output", file]);
  const sample = readSample(file);

  it("counts each event once, by minute and by key", () => {
    const events = sample.minutes.reduce((sum, minute) => sum + minute.events, 0);
    // As ausearch counts the stamps of the capture.
    const stamps = new Set(readFileSync(log, "latin1").match(/audit\(\d+\.\d+:\d+\)/g));
    assert.equal(events, stamps.size);
    for (const minute of sample.minutes) {
      assert.equal(
        minute.keys.reduce((sum, each) => sum + each.events, 0),
        minute.events,
      );
      const bytes = minute.keys.reduce((sum, each) => sum + each.bytes, 0);
      assert.ok(Math.abs(bytes - minute.wireBytes) <= minute.keys.length, `${bytes} and ${minute.wireBytes}`);
    }
    assert.deepEqual(sample.keys.slice(0, 3), ["hosttrail_exec", "hosttrail_connect", "hosttrail_etc"]);
  });

  it("has names of executables and keys, and nothing that was typed", () => {
    const text = readFileSync(file, "utf8");
    assert.ok(sample.programs.some(({ executable }) => executable === "/usr/bin/env"));
    const args = new Set(readFileSync(log, "latin1").match(/(?<=\ba[1-9]=")[^"]{6,}(?=")/g));
    assert.ok(args.size > 50, String(args.size));
    const names = new Set([...sample.programs.map(({ executable }) => executable), ...sample.keys]);
    for (const arg of args) if (!names.has(arg)) assert.ok(!text.includes(JSON.stringify(arg)), arg);
  });

  it("weighs merged events, which grow by less than their number", () => {
    const [first, last] = [sample.weights.at(0), sample.weights.at(-1)];
    assert.ok(first !== undefined && last !== undefined && last.events > first.events);
    assert.ok(last.bytes / last.events < first.bytes / first.events);
  });
});

describe("what is asked of a sample wrongly", () => {
  const asked = (...words: string[]): string => {
    const { status, stderr } = spawnSync(process.execPath, [AGENT, "cost", ...words], { encoding: "utf8" });
    assert.equal(status, 1, stderr);
    return stderr;
  };

  it("is named with what is allowed", () => {
    assert.match(asked("sample", "--minutes", "0"), /--minutes is "0"; allowed are whole minutes from 1 to 1440/);
    assert.match(asked("sample", "--log", log, "--rules", "x"), /leave --rules and --minutes out/);
    assert.match(asked("sample", "--log", join(folder, "nowhere.log")), /there is no log/);
    assert.match(asked("nothing"), /"nothing" is no command; allowed are sample, release/);
    writeFileSync(join(folder, "empty.log"), "");
    assert.match(asked("sample", "--log", join(folder, "empty.log")), /there is no event to count/);
  });
});

describe("the bounds of a sample", () => {
  it("hold for keys, programs and time, and what is beyond them is counted", () => {
    const tally = new Tally();
    for (let number = 0; number < 5000; number++) {
      const counted = tally.see(1_000_000 + number, `key${number}`, `/bin/${number}`, 10);
      if (counted !== undefined) tally.block([counted], 1);
    }
    assert.equal(tally.see(1_000_000 + 2 * 86_400_000, "late", "/bin/late", 10), undefined);
    assert.equal(tally.beyond, 1);
    const { keys, minutes, programs } = tally.finish();
    assert.equal(keys.length, 65);
    assert.equal(keys.at(-1), "(others)");
    assert.equal(
      minutes.flatMap((minute) => minute.keys).reduce((sum, each) => sum + each.events, 0),
      5000,
    );
    assert.equal(programs.length, 50);
    assert.equal(programs[0]?.executable, "(others)");
  });
});
