/**
 * The agent's package on a machine with a kernel and a systemd of its own, for what must not be tried on a shared kernel. The
 * scenario prints a line for each thing that it looked at.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Machine, makeMachine } from "./image.ts";

const TIMEOUT_MS = 900_000;
/** Results that the scenario must print: a scenario that breaks off must not pass. */
const RESULTS = 18;

function missing(): string | undefined {
  if (process.getuid?.() !== 0) return "making a virtual machine's disk needs root";
  if (process.arch !== "x64") return "the virtual machine is an x86_64 one";
  const commands = ["qemu-system-x86_64", "mmdebstrap", "mke2fs", "cpio", "busybox", "apt-get"];
  const absent = commands.filter((command) => spawnSync("which", [command]).status !== 0);
  return absent.length === 0 ? undefined : `not installed: ${absent.join(", ")}`;
}

/** Boots the machine and lets it run until it switches itself off; returns what its serial console showed. */
async function boot({ kernel, initrd, disk }: Machine, log: string): Promise<string> {
  const output = openSync(log, "w");
  const child = spawn(
    "qemu-system-x86_64",
    [
      "-machine",
      "q35",
      "-accel",
      "tcg,thread=multi",
      "-cpu",
      "max",
      "-smp",
      "2",
      "-m",
      "1024",
      "-display",
      "none",
      "-nic",
      "none",
      "-monitor",
      "none",
    ].concat([
      "-serial",
      "stdio",
      "-kernel",
      kernel,
      "-initrd",
      initrd,
      "-drive",
      `file=${disk},format=raw,if=virtio,cache=unsafe`,
      "-append",
      "console=ttyS0 audit=1 audit_backlog_limit=8192 panic=-1 quiet systemd.show_status=false",
    ]),
    { stdio: ["ignore", output, output] },
  );
  closeSync(output);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const deadline = sleep(TIMEOUT_MS, undefined, { ref: false }).then(() => child.kill("SIGKILL"));
  await Promise.race([ended, deadline]);
  child.kill("SIGKILL");
  await ended;
  return readFileSync(log, "latin1");
}

describe("a machine with a kernel of its own", { skip: missing() ?? false }, () => {
  it("has all its events whatever happens: beside auditd, rebooted, locked, its disk full, its memory short", async () => {
    const folder = mkdtempSync(join(tmpdir(), "hosttrail-vm-"));
    try {
      process.stdout.write("▸ making the machine\n");
      const machine = await makeMachine(folder);
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
