/** A disk that is full: the agent goes on, and nothing is lost. A read-only one is refused by the same call, with EROFS. */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { whyNoAudit } from "@hosttrail/agent/kernel";
import { eventually, openStack, queryClient, searchAll, writeRules } from "./environment.ts";

const missing = whyNoAudit();
const RUNS = 60;

/** Writes until nothing more goes in; the agent writes beside it, so how much that is cannot be asked before. */
function fill(path: string): void {
  const file = openSync(path, "w");
  try {
    for (const page = Buffer.alloc(4096); ; ) writeSync(file, page);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
}

describe("a disk that takes nothing", () => {
  it("stops no event: all are in the trail once it takes again", { skip: missing ?? false }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "hosttrail-diskfull-"));
    const state = join(folder, "state");
    mkdirSync(state);
    // A file system of its own, small enough to be filled.
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=6m,mode=0700", "hosttrail-test", state]);
    const program = join(folder, "marked");
    copyFileSync("/bin/true", program);
    const rules = writeRules(join(folder, "marked.rules"), [
      `-a always,exit -F arch=b64 -S execve -F exe=${program} -k hosttrail_diskfull`,
    ]);
    let runs = 0;
    const some = async (): Promise<void> => {
      for (let count = 0; count < RUNS / 3; count++) await promisify(execFile)(program, [`run-${runs++}`]);
    };
    try {
      await using stack = await openStack({
        agent: { state_directory: state, audit: { rules_files: [rules] }, spool: { retry_ms: 200 } },
      });
      await stack.startServices();
      await stack.startCollector();
      stack.startAgent();
      const logged = (text: string): Promise<true> =>
        eventually(
          `the agent saying "${text}"`,
          20_000,
          async () => stack.agent.logTail(200).includes(text) || undefined,
        );
      await logged("connected to the collector");

      fill(join(state, "ballast"));
      await some();
      await logged("a block cannot be spooled");
      rmSync(join(state, "ballast"));
      await logged("the spool takes blocks again");

      // Again, and longer than the agent's patience between two tries.
      fill(join(state, "ballast"));
      await some();
      await sleep(1000);
      rmSync(join(state, "ballast"));
      await some();

      const client = queryClient(stack);
      const filter = "audit.key = hosttrail_diskfull AND event.action = executed";
      const events = await eventually("all runs being found", 30_000, async () => {
        const found = await searchAll(client, { filter, pageSize: 1000 });
        return found.length >= RUNS ? found : undefined;
      });
      client.close();
      assert.equal(events.length, RUNS, "none stands twice");
      assert.deepEqual(
        new Set(events.map((event) => event.process?.args[1])),
        new Set(Array.from({ length: RUNS }, (_, count) => `run-${count}`)),
      );
      await sleep(100);
    } finally {
      execFileSync("umount", ["-l", state]);
      rmSync(folder, { recursive: true });
    }
  });
});
