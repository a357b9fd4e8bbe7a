/**
 * The agent's package on a machine with a kernel and a systemd of its own, for what must not be tried on a shared kernel. The
 * scenario prints a line for each thing that it looked at.
 */
import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { makeScenario } from "./image.ts";
import { type Machine, startMachine, whyNoMachine } from "./kernel.ts";

/** Emulated, and beside other tests. */
const TIMEOUT_MS = 1_800_000;
/** Results that the scenario must print: a scenario that breaks off must not pass. */
const RESULTS = 24;

/** Boots the machine and lets it run until it switches itself off; returns what its serial console showed. */
async function boot(machine: Machine, log: string): Promise<string> {
  const output = openSync(log, "w");
  const child = startMachine(machine, output);
  closeSync(output);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const deadline = sleep(TIMEOUT_MS, undefined, { ref: false }).then(() => child.kill("SIGKILL"));
  await Promise.race([ended, deadline]);
  child.kill("SIGKILL");
  await ended;
  return readFileSync(log, "latin1");
}

describe("a machine with a kernel of its own", { skip: whyNoMachine() ?? false }, () => {
  it("has all its events whatever happens: beside auditd, rebooted, locked, its disk full, its memory short", async () => {
    const folder = mkdtempSync(join(tmpdir(), "hosttrail-vm-"));
    try {
      process.stdout.write("▸ making the machine\n");
      const machine = await makeScenario(folder);
      process.stdout.write("▸ booting it; two boots take some minutes without hardware virtualisation\n");
      const shown = await boot(machine, join(folder, "console.log"));
      const results = shown.split(/\r?\n/).filter((line) => line.startsWith("RESULT "));
      process.stdout.write(`${results.join("\n")}\n`);
      const failed = results.filter((line) => !line.startsWith("RESULT ok"));
      assert.deepEqual(failed, [], shown.slice(-4000));
      assert.ok(shown.includes("STAGE 2 done"), `the scenario broke off:\n${shown.slice(-4000)}`);
      assert.equal(results.length, RESULTS);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
