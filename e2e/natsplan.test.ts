/** What NATS must have: planned, made, changed while blocks come, and looked at when somebody else changed it. A real server, and a real cluster. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Stack } from "@hosttrail/stack";
import { eventually, openStack, queryClient, searchAll } from "./environment.ts";
import { executed, openBlockStream, PublishingHost } from "./publisher.ts";
import { askJetStream } from "./rawnats.ts";

const COLLECTOR = new URL("../collector/src/main.ts", import.meta.url).pathname;

function collectorCommand(config: string, ...words: string[]): { code: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [COLLECTOR, ...words, "--config", config], {
    encoding: "utf8",
    timeout: 60_000,
  });
  return { code: status, text: stdout + stderr };
}

/** Publishes blocks of some hosts until it is told to stop; how many events. */
async function publishing(stack: Stack, hosts: readonly PublishingHost[], signal: AbortSignal): Promise<number> {
  const stream = await openBlockStream(stack);
  let count = 0;
  while (!signal.aborted) {
    for (const host of hosts) {
      const block = host.seal([executed(["moved", String(count)], BigInt(Date.now()) * 1_000_000n)]);
      count++;
      // As ingest does: what is refused for a moment is tried again.
      await eventually("a block being taken", 20_000, async () => {
        await host.publish(stream, block);
        return true;
      });
    }
    await sleep(5);
  }
  await stream.close();
  return count;
}

describe("what NATS must have", () => {
  let stack: Awaited<ReturnType<typeof openStack>>;
  let config: string;
  before(async () => {
    stack = await openStack({ collector: { nats: { manage: false } } });
    config = join(stack.agentConfigFile, "..", "collector.yaml");
    await stack.startServices();
  });
  after(() => stack[Symbol.asyncDispose]());

  it("is planned, made once, and then as planned", () => {
    const plan = collectorCommand(config, "nats", "plan");
    assert.equal(plan.code, 1, plan.text);
    assert.match(plan.text, /change {2}blocks: 1 streams for 64 partitions are to be made/);
    assert.match(plan.text, /change {2}HOSTTRAIL_ALERTS_1: is to be made/);
    assert.match(plan.text, /ok {6}nats-server 2\./);
    const apply = collectorCommand(config, "nats", "apply");
    assert.equal(apply.code, 0, apply.text);
    assert.match(apply.text, /HOSTTRAIL_BLOCKS_1: made/);
    const again = collectorCommand(config, "nats", "apply");
    assert.deepEqual(again, { code: 0, text: "nothing to do\n" });
    const after = collectorCommand(config, "nats", "plan");
    assert.equal(after.code, 0, after.text);
  });

  it("differs where somebody changed it: said, with what follows, and set right", async () => {
    const { config: present } = (await askJetStream(stack.nats.url, "STREAM.INFO.HOSTTRAIL_BLOCKS_1", {})) as {
      config: Record<string, unknown>;
    };
    await askJetStream(stack.nats.url, "STREAM.UPDATE.HOSTTRAIL_BLOCKS_1", {
      ...present,
      max_age: 3_600_000_000_000,
      discard: "old",
    });
    await askJetStream(stack.nats.url, "CONSUMER.CREATE.HOSTTRAIL_BLOCKS_1.store", {
      stream_name: "HOSTTRAIL_BLOCKS_1",
      config: {
        durable_name: "store",
        name: "store",
        ack_policy: "explicit",
        max_deliver: 3,
        ack_wait: 30_000_000_000,
        max_ack_pending: 4096,
      },
      action: "update",
    });
    const plan = collectorCommand(config, "nats", "plan");
    assert.equal(plan.code, 1, plan.text);
    assert.match(
      plan.text,
      /HOSTTRAIL_BLOCKS_1: max_age is 3600 s, planned is without end \(what is older is removed, stored or not\)/,
    );
    assert.match(plan.text, /HOSTTRAIL_BLOCKS_1: discard is old, planned is new/);
    assert.match(plan.text, /HOSTTRAIL_BLOCKS_1 store: max_deliver is 3, planned is without end/);
    assert.equal(collectorCommand(config, "nats", "apply").code, 0);
    const after = collectorCommand(config, "nats", "plan");
    assert.equal(after.code, 0, after.text);
  });

  it("is waited for by a collector that may not make it, and said to be missing", async () => {
    const { config: present } = (await askJetStream(stack.nats.url, "STREAM.INFO.HOSTTRAIL_DEAD_1", {})) as {
      config: unknown;
    };
    await askJetStream(stack.nats.url, "STREAM.DELETE.HOSTTRAIL_DEAD_1", {});
    stack.collector.start();
    await eventually("the collector saying what is missing", 20_000, async () =>
      /stream HOSTTRAIL_DEAD_1.*nats apply/.test(stack.collector.logTail()) ? true : undefined,
    );
    await askJetStream(stack.nats.url, "STREAM.CREATE.HOSTTRAIL_DEAD_1", present);
    await eventually("the collector starting", 20_000, async () =>
      /collector started/.test(stack.collector.logTail()) ? true : undefined,
    );
  });

  it("is spread over other streams while blocks come, and none is lost or twice", async () => {
    const hosts = Array.from({ length: 40 }, (_, at) => new PublishingHost(`moved-${at}`));
    const stop = new AbortController();
    const published = publishing(stack, hosts, stop.signal);
    await sleep(1000);
    for (const streams of [4, 2, 8]) {
      const changed = stack.writeCollectorConfig({ nats: { manage: false, streams } }, `streams-${streams}`);
      const apply = collectorCommand(changed, "nats", "apply");
      assert.equal(apply.code, 0, apply.text);
      assert.match(apply.text, /takes no more blocks/, String(streams));
      await sleep(500);
    }
    stop.abort();
    const count = await published;
    const client = queryClient(stack);
    const events = await eventually("all blocks being stored", 60_000, async () => {
      const found = await searchAll(client, { filter: "process.args:moved", pageSize: 1000 });
      return found.length >= count ? found : undefined;
    });
    client.close();
    assert.equal(events.length, count);
    assert.equal(new Set(events.map(({ id }) => id)).size, count);
    const last = stack.writeCollectorConfig({ nats: { manage: false, streams: 8 } }, "streams-8");
    const removed = collectorCommand(last, "nats", "apply");
    assert.match(removed.text, /HOSTTRAIL_BLOCKS_7: was drained, removed/);
    const plan = collectorCommand(last, "nats", "plan");
    assert.equal(plan.code, 0, plan.text);
    assert.match(plan.text, /blocks: 8 streams take 64 partitions/);
  });

  it("names its logins, and no other", () => {
    const rights = collectorCommand(config, "nats", "rights", "store");
    assert.match(rights.text, /user: "hosttrail-store"/);
    const wrong = collectorCommand(config, "nats", "rights", "everything");
    assert.equal(wrong.code, 1);
    assert.match(wrong.text, /"everything" is no login; allowed are apply, enroll/);
  });
});

describe("a cluster of three", () => {
  it("has a copy of each stream on each node, and leaders on several; a node that is lost takes nothing along", async () => {
    await using stack = await openStack({
      natsNodes: 3,
      collector: { nats: { replicas: 3, ack_wait_ms: 2000 } },
    });
    const config = join(stack.agentConfigFile, "..", "collector.yaml");
    await stack.startServices();
    await stack.startCollector();
    const plan = collectorCommand(config, "nats", "plan");
    assert.equal(plan.code, 0, plan.text);
    const leaders = [...plan.text.matchAll(/HOSTTRAIL_BLOCKS_\d+: as planned, its leader is (\S+)/g)].map(
      ([, name]) => name,
    );
    assert.equal(leaders.length, 6, plan.text);
    assert.ok(new Set(leaders).size >= 2, leaders.join(" "));

    const hosts = Array.from({ length: 20 }, (_, at) => new PublishingHost(`copied-${at}`));
    const stop = new AbortController();
    const published = publishing(stack, hosts, stop.signal);
    for (const { child } of stack.nats.nodes ?? []) {
      await sleep(1500);
      await child.kill("SIGKILL");
      await sleep(1500);
      child.start();
    }
    await sleep(1500);
    stop.abort();
    const count = await published;
    const client = queryClient(stack);
    const events = await eventually("all blocks being stored", 60_000, async () => {
      const found = await searchAll(client, { filter: "process.args:moved", pageSize: 1000 });
      return found.length >= count ? found : undefined;
    });
    client.close();
    assert.equal(events.length, count);
  });
});
