/** An agent that stands still: the host must not feel it, and what was lost must be told. */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { askControl } from "@hosttrail/agent/control";
import { KernelAudit, whyNoAudit } from "@hosttrail/agent/kernel";
import { KernelHold, readRules } from "@hosttrail/agent/rules";
import type { Stack } from "@hosttrail/stack";
import { eventually, openStack, queryClient, search, searchAll, startAgent, writeRules } from "./environment.ts";

const missing = whyNoAudit();
const STALL_SECONDS = 10;
/** A message of user space that means nothing (AUDIT_USER): its serial shows where the kernel's count is. */
const USER = 1005;

interface Status {
  ledger: Record<string, number>;
  imbalances: unknown[];
}

function statusOf(stack: Stack): Promise<Status> {
  return askControl(join(dirname(stack.agentConfigFile), "agent-run")) as Promise<Status>;
}

/** Serials of the kernel's events in the trail. */
async function serialsOf(stack: Stack): Promise<Set<number>> {
  const client = queryClient(stack);
  try {
    const events = await searchAll(client, { pageSize: 1000 });
    return new Set(events.map(({ audit }) => audit?.serial ?? 0));
  } finally {
    client.close();
  }
}

/** Serial of a marker that was sent as a message of user space, once it is in the trail. */
async function serialOf(stack: Stack, marker: string): Promise<number> {
  const client = queryClient(stack);
  try {
    return await eventually(`the marker ${marker}`, 60_000, async () => {
      const { events } = await search(client, { filter: `audit.record_type = "USER"` });
      const event = events.find((each) => each.audit?.records[0]?.fields.some(({ value }) => value.includes(marker)));
      return event?.audit?.serial;
    });
  } finally {
    client.close();
  }
}

describe("an agent that is stopped for ten seconds", () => {
  for (const mode of ["multicast", "unicast"] as const) {
    it(`slows no audited program and tells what was lost, by ${mode}`, { skip: missing ?? false }, async () => {
      const folder = mkdtempSync(join(tmpdir(), "hosttrail-stalled-"));
      const load = join(folder, "load");
      const source = new URL("../bench/agent/load.cc", import.meta.url).pathname;
      execFileSync(process.env["CXX"] ?? "g++", ["-O2", "-o", load, source]);
      const rules = writeRules(join(folder, "load.rules"), [
        `-a always,exit -F arch=b64 -S open,openat -F exe=${load} -k hosttrail_stalled`,
      ]);
      const kernel = new KernelAudit();
      const run = async (): Promise<number> => {
        const { stdout } = await promisify(execFile)(load, ["open", "0", String(STALL_SECONDS)]);
        const [count = 0, seconds = 1] = stdout.trim().split(" ").map(Number);
        return count / seconds;
      };
      try {
        await using stack = await openStack({
          agent: {
            audit: { rules_files: [rules], backlog_limit: 8192 },
            source: { mode, ring_bytes: 16 << 20 },
            collector: { stored_timeout_ms: 5000 },
          },
        });
        await stack.startServices();
        await stack.startCollector();
        // What the rule costs alone, with nobody who reads.
        const hold = new KernelHold(kernel, folder);
        hold.applySettings({ enabled: 1, backlogLimit: 8192, backlogWaitTime: 0 });
        hold.applyRules(readRules({ files: [rules], directory: "", ownPid: 0 }).rules);
        const alone = await run();
        hold.release();

        await startAgent(stack);
        kernel.request(USER, Buffer.from("stalled-begin\0"));
        const first = await serialOf(stack, "stalled-begin");
        await sleep(1000);
        const before = await statusOf(stack);

        const stalled = await stack.whileAgentStopped(run);
        process.stdout.write(
          `opens a second: ${Math.round(alone)} with the rule alone, ${Math.round(stalled)} beside the stopped agent (${mode})\n`,
        );
        // Whoever waits for a reader that does not read waits for seconds, not for parts of them.
        assert.ok(stalled > alone / 2, `${Math.round(stalled)} of ${Math.round(alone)} a second`);

        await eventually("the agent's catching up", 60_000, async () => {
          const { ledger } = await statusOf(stack);
          await sleep(1500);
          return (await statusOf(stack)).ledger["events"] === ledger["events"] || undefined;
        });
        kernel.request(USER, Buffer.from("stalled-end\0"));
        const last = await serialOf(stack, "stalled-end");
        const after = await statusOf(stack);
        const change = (name: string): number => (after.ledger[name] ?? 0) - (before.ledger[name] ?? 0);
        const lost = change("serialGaps");
        process.stdout.write(
          `serials ${first} to ${last}: ${change("events")} events, ${lost} missing, kernel counts ${change("kernelLost")} lost\n`,
        );
        assert.ok(lost + change("kernelLost") > 0, "more came than all buffers hold");
        // Each serial is an event in the trail or in a gap that the ledger names.
        const serials = await serialsOf(stack);
        const seen = [...serials].filter((serial) => serial > first && serial <= last).length;
        process.stdout.write(`${last - first} serials, ${seen} in the trail and ${lost} missing\n`);
        assert.equal(seen + lost, last - first);
        assert.deepEqual(after.imbalances, []);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});
