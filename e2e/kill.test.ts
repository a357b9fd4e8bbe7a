/** No event is lost and none stands twice, though every part is killed in turn. Real kernel, real NATS, real database. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { KernelAudit, whyNoAudit } from "@hosttrail/agent/kernel";
import { eventually, openStack, queryClient, searchAll, startAgent, writeRules } from "./environment.ts";

const run = promisify(execFile);
const RUNS = 2000;
const missing = whyNoAudit();

describe("the whole way, killed in turn", { timeout: 300_000 }, () => {
  it(`finds ${RUNS} runs of a marked program, none twice and none missing`, { skip: missing ?? false }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "hosttrail-marked-"));
    const program = join(folder, "marked");
    copyFileSync("/bin/true", program);
    const rules = writeRules(join(folder, "marked.rules"), [
      `-a always,exit -F arch=b64 -S execve -F exe=${program} -k hosttrail_e2e`,
    ]);
    try {
      await using stack = await openStack({
        agent: { audit: { rules_files: [rules], backlog_limit: 65_536 }, collector: { stored_timeout_ms: 3000 } },
        collector: { nats: { ack_wait_ms: 5000 } },
      });
      await stack.startServices();
      await stack.startCollector();
      await startAgent(stack);
      const kernel = new KernelAudit();
      const lostBefore = kernel.status().lost;

      const killings = killInTurn(stack);
      for (let count = 0; count < RUNS; count++) {
        await run(program, [`run-${count}`]);
        await sleep(4);
      }
      const killed = await killings;

      const client = queryClient(stack);
      const filter = `audit.key = hosttrail_e2e`;
      const events = await eventually("all runs being found", 90_000, async () => {
        const found = await searchAll(client, { filter, pageSize: 1000 });
        return found.length >= RUNS ? found : undefined;
      }).catch(() => searchAll(client, { filter, pageSize: 1000 }));
      client.close();
      const lost = kernel.status().lost - lostBefore;
      process.stdout.write(`killed ${killed.join(", ")}; kernel lost ${lost} events during the run\n`);

      const markers = events.map((event) => event.process?.args[1] ?? "");
      assert.equal(new Set(events.map((event) => event.id)).size, events.length, "no id stands twice");
      const wanted = Array.from({ length: RUNS }, (_, count) => `run-${count}`);
      assert.equal(wanted.filter((marker) => !markers.includes(marker)).join(" "), "", "none is missing");
      assert.equal(markers.length, RUNS, "none stands twice");
      assert.equal(lost, 0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** Kills agent, collector, NATS and the database with SIGKILL, one after the other, and starts each again. */
async function killInTurn(stack: Awaited<ReturnType<typeof openStack>>): Promise<string[]> {
  const killed: string[] = [];
  await sleep(1500);
  await stack.collector.kill("SIGKILL");
  await sleep(300);
  await stack.startCollector();
  killed.push("collector");
  await sleep(1500);
  if (stack.nats.child !== undefined) {
    await stack.nats.child.kill("SIGKILL");
    await sleep(300);
    await stack.nats.start();
    killed.push("NATS");
  }
  await sleep(1500);
  if (stack.mongodb.child !== undefined) {
    await stack.mongodb.child.kill("SIGKILL");
    await sleep(300);
    await stack.mongodb.start();
    killed.push("database");
  }
  await sleep(1500);
  stack.killAgent();
  killed.push("agent");
  await sleep(1500);
  stack.killAgent();
  killed.push("agent again");
  await sleep(1000);
  return killed;
}
