import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { runJob } from "./jobs.ts";
import type { Report } from "./report.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
/**
 * Seconds of new worlds, where one asks for some; --first N of what it prints runs the same ones again. Else the same worlds each time, so that what
 * fails is what was changed.
 */
const SECONDS = process.env["HOSTTRAIL_SIMULATE_SECONDS"];
const WORLDS = SECONDS === undefined ? ["--seeds", "40", "--first", "1"] : ["--seeds", "1000000", "--seconds", SECONDS];

async function reportsOf(first: number, count: number, planted = ""): Promise<Report[]> {
  const reports: Report[] = [];
  await runJob({ first, step: 1, end: first + count, planted }, (report) => reports.push(report) > 0);
  return reports;
}

describe("simulation", () => {
  it("finds nothing in its worlds", { timeout: 600_000 }, (t) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...WORLDS], { encoding: "utf8" });
    t.diagnostic(stdout.trim());
    assert.equal(status, 0, `${stdout}\n${stderr}`);
  });

  it("runs a seed the same way each time, whatever ran before it", { timeout: 300_000 }, async () => {
    const [, , third] = await reportsOf(5, 3);
    const [alone] = await reportsOf(7, 1);
    assert.equal(third?.seed, "7");
    assert.deepEqual([alone?.fingerprint, alone?.steps], [third.fingerprint, third.steps]);
  });

  it("finds a planted fault, and tells by which seed it is found again", { timeout: 600_000 }, () => {
    const { status, stdout } = spawnSync(process.execPath, [MAIN, "--planted", "numbers-again", "--seeds", "200"], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout);
    const [, seed = ""] = /found by seed (\d+)/.exec(stdout) ?? [];
    const again = spawnSync(process.execPath, [MAIN, "--seed", seed, "--planted", "numbers-again"], {
      encoding: "utf8",
    });
    assert.equal(again.status, 1, again.stdout);
    assert.match(again.stdout, new RegExp(`✗ seed ${seed} with "numbers-again"`));
  });

  it("says what is wrong with what it is asked", () => {
    for (const [args, message] of [
      [["--seeds", "0"], "--seeds must be a whole number from 1 on"],
      [["--planted", "nothing"], 'there is no planted fault "nothing"'],
      [["--what"], "--what"],
    ] as const) {
      const { status, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });
      assert.equal(status, 2);
      assert.ok(stderr.includes(message), stderr);
    }
  });
});
