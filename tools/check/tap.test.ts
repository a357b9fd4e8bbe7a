import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { cpuMsOf, readTap, timesOf } from "./tap.ts";

const TESTS = `import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
describe("outer", () => {
  it("slow # one \\\\ of two", () => sleep(1100));
  it("quick", () => undefined);
  it("skipped", { skip: "no reason" }, () => undefined);
  describe("inner", () => {
    it("slower", () => sleep(1300));
    it("fails", () => { throw new Error("duration_ms: 99999999"); });
  });
});
it("alone", () => undefined);
`;

describe("the times of a test run", () => {
  let folder: string;
  let text: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "hosttrail-tap-"));
    writeFileSync(join(folder, "a.test.mjs"), TESTS);
    // The runner itself, not a report that somebody wrote: as ./dev test asks it.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const report = join(folder, "unit.tap");
    const words = [
      "--test",
      "--test-reporter=tap",
      `--test-reporter-destination=${report}`,
      join(folder, "a.test.mjs"),
    ];
    assert.throws(() => execFileSync(process.execPath, words, { env, stdio: "pipe" }), "one of its tests fails");
    text = execFileSync("cat", [report], { encoding: "utf8" });
  });
  after(() => rmSync(folder, { recursive: true }));

  it("are read from what Node's runner writes: each test with the names around it", () => {
    const { ms, timed } = readTap(text);
    assert.ok(ms > 2400, String(ms));
    const of = (...names: string[]): number =>
      timed.find((each) => each.names.join("/") === names.join("/"))?.ms ?? Number.NaN;
    assert.ok(of("outer", "slow # one \\ of two") >= 1000);
    assert.ok(of("outer", "inner", "slower") >= 1200);
    assert.ok(of("outer", "inner") >= 1200);
    assert.ok(of("outer") >= 2400);
    assert.ok(of("alone") < 1000);
    assert.equal(timed.filter(({ isSuite }) => isSuite).length, 2);
    assert.equal(timed.length, 8);
    assert.ok(Math.max(...timed.map((each) => each.ms)) < 60_000, "what a failure says is no time");
  });

  it("are a short table: suites, then what is slowest, slowest first", () => {
    const report = readTap(text);
    const lines = timesOf([{ name: "unit", ...report }])
      .trimEnd()
      .split("\n");
    assert.deepEqual(
      lines.map((line) => line.replace(/^ +[\d.]+ s {2}/, "")),
      [
        "time by suite:",
        "unit",
        "slowest groups of tests:",
        "unit: outer",
        "slowest tests:",
        "unit: outer > inner > slower",
        "unit: outer > slow # one \\ of two",
      ],
    );
    const timed = Array.from({ length: 50 }, (_, at) => ({ names: [`t${at}`], ms: 2000 + at, isSuite: false }));
    assert.equal(
      timesOf([{ name: "unit", ms: 1, timed }])
        .trimEnd()
        .split("\n").length,
      2 + 1 + 8,
    );
  });

  it("say what processors did, where that is known", () => {
    const said = execFileSync("bash", ["-c", "TIMEFORMAT='%U %S'; { time true; } 2>&1"], { encoding: "utf8" });
    assert.notEqual(cpuMsOf(said), undefined, said);
    assert.equal(cpuMsOf("61.500 2.250\n"), 63_750);
    assert.equal(cpuMsOf("bash: no such thing\n"), undefined);
    assert.match(
      timesOf([{ name: "unit", ms: 90_000, cpuMs: 63_750, timed: [] }]),
      /^ +90\.0 s {2}unit, 63\.8 s of processors$/m,
    );
  });

  it("are nothing where no report was written", () => {
    assert.equal(timesOf([]), "");
    assert.deepEqual(readTap(""), { ms: 0, timed: [] });
  });
});
