/** A second collector joins a loaded one and takes over a part of its work; then the first is taken away, and nothing is lost. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Child, type Stack } from "@hosttrail/stack";
import { ALL_STORED, type AgentsPlan } from "./chaos/work.ts";
import { checkEvents, settled } from "./chaos/outcome.ts";
import { Archive } from "@hosttrail/collector/mongodb";
import { eventually, openStack, queryClient } from "./environment.ts";
import { hostIdOf, openBlockStream } from "./publisher.ts";

const AGENTS = new URL("chaos/agents.ts", import.meta.url).pathname;
const HOSTS = 40;
/** A minute of five a second. */
const EVENTS = 300;
/** In which whoever joins must have work of each role. */
const TAKEOVER_MS = 30_000;

/** Hosts that know both collectors. */
async function hostsOf(
  stack: Stack,
  endpoints: string[],
  startMs: number,
): Promise<{ child: Child; hostIds: string[] }> {
  const directory = join(stack.agentConfigFile, "..", "hosts");
  mkdirSync(directory);
  const hostIds = Array.from({ length: HOSTS }, (_, number) => hostIdOf(`chaos-${number}`));
  const hosts = await Promise.all(
    hostIds.map(async (hostId, number) => {
      const name = `chaos-${number}`;
      return { number, hostId, name, ...(await stack.ca.host(hostId, name)) };
    }),
  );
  const caFile = join(stack.authority, "trust.crt");
  const plan: AgentsPlan = { endpoints, caFile, directory, hosts, startMs, events: EVENTS };
  const file = join(directory, "plan.json");
  writeFileSync(file, JSON.stringify(plan));
  return { child: new Child({ name: "hosts", command: process.execPath, args: [AGENTS, file], directory }), hostIds };
}

/** A collector's own count of something, all labels together. */
async function countOf(metricsPort: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))].map(([, value]) =>
    Number(value),
  );
  return values.reduce((sum, value) => sum + value, 0);
}

describe("a second collector", { timeout: 300_000 }, () => {
  it("takes over work of ingest, store and detect, and the first can go", async () => {
    await using stack = await openStack({
      collector: { ingest: { hosts: "certified" }, compact: { turn_ms: 2000, age_ms: 5000 } },
    });
    await stack.startServices();
    await stack.startCollector();
    const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
    const stream = await openBlockStream(stack);
    const startMs = Date.now() + 3000;
    const { ports, child: second } = await stack.planAnotherCollector();
    const endpoints = [stack.ingestPort, ports.ingest].map((port) => `localhost:${port}`);
    const { child: hosts, hostIds } = await hostsOf(stack, endpoints, startMs);
    try {
      hosts.start();
      await eventually("all hosts being with the first", 30_000, async () =>
        (await countOf(stack.metricsPort, "hosttrail_ingest_streams")) === HOSTS ? true : undefined,
      );
      const joinedMs = performance.now();
      second.start();
      const took: string[] = [];
      for (const [role, name] of [
        ["ingest", "hosttrail_ingest_streams"],
        ["store", "hosttrail_store_blocks_total"],
        ["detect", "hosttrail_detect_blocks_total"],
      ] as const) {
        await eventually(`work of the role ${role}`, TAKEOVER_MS, async () =>
          (await countOf(ports.metrics, name)) > 0 ? true : undefined,
        );
        took.push(`${role} after ${((performance.now() - joinedMs) / 1000).toFixed(1)} s`);
      }
      process.stdout.write(`the second has work: ${took.join(", ")}\n`);
      assert.ok(performance.now() - joinedMs < TAKEOVER_MS, took.join(", "));
      // The first goes as it does in a deployment, and with it all that it was doing.
      await stack.collector.stop();
      await eventually("all hosts being with the second", TAKEOVER_MS, async () =>
        (await countOf(ports.metrics, "hosttrail_ingest_streams")) === HOSTS ? true : undefined,
      );
      await eventually("hosts having all of theirs stored", 120_000, async () => (hosts.running ? undefined : true));
      assert.ok(hosts.logTail(1).includes(ALL_STORED), hosts.logTail(15));
      await settled(stream, archive, 60_000);
      const client = queryClient(stack, stack.user, ports.query);
      try {
        await checkEvents(client, hostIds, EVENTS);
      } finally {
        client.close();
      }
    } finally {
      await hosts.kill("SIGKILL");
      await stream.close();
      await archive.close();
    }
  });
});
