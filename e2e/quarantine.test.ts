/**
 * A block that the collector refuses: it is seen in the agent's quarantine, from the host and from the collector, and sent again it comes into
 * the trail once the collector takes it, whatever ends the agent meanwhile. The ledger adds up all the way.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { askControl } from "@hosttrail/agent/control";
import { listQuarantine, quarantineOf, Spool, spoolOf } from "@hosttrail/agent/spool";
import { BlockStream } from "@hosttrail/collector/jetstream";
import { eventId, sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { openLogger } from "@hosttrail/lib/log";
import type { QueryServiceClient } from "@hosttrail/proto/query";
import { Event } from "@hosttrail/proto/event";
import { eventually, openStack, queryClient, searchAll } from "./environment.ts";
import { metricsOf } from "./metrics.ts";

const PROGRAM = new URL("../agent/src/main.ts", import.meta.url).pathname;
/** The smallest that a collector may have. */
const DELIVERIES_MAX = 5;
const ACK_WAIT_MS = 30_000;

let stack: Awaited<ReturnType<typeof openStack>>;
let client: QueryServiceClient;
let stateDirectory: string;
let runtimeDirectory: string;

before(async () => {
  stack = await openStack({
    // The store role runs beside it, since its limit changes.
    collector: { roles: ["ingest", "query", "enroll"], nats: { ack_wait_ms: ACK_WAIT_MS } },
    agent: {
      source: { mode: "none" },
      collector: { stored_timeout_ms: 2000, status_interval_ms: 1000 },
      ledger_interval_ms: 1000,
    },
  });
  stateDirectory = join(dirname(stack.agentConfigFile), "agent-state");
  runtimeDirectory = join(dirname(stack.agentConfigFile), "agent-run");
  await stack.startServices();
  await stack.startCollector();
  await stack.enroll();
  client = queryClient(stack);
});
after(async () => {
  client?.close();
  await stack[Symbol.asyncDispose]();
});

/** Puts a block of two events with this action into the spool of the agent, which does not run; gives its key. */
function spoolBlock(action: string, sign = signerOf(readFileSync(stack.host.keyFile, "utf8"))): string {
  const bounds = { bytesMax: 1 << 24, hoursMax: 0, segmentBytes: 1 << 20, quarantineBytesMax: 1 << 24 };
  const about = {
    directory: spoolOf({ stateDirectory }),
    sync: "never",
    bootId: "5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13",
  } as const;
  const spool = new Spool({ ...bounds, ...about }, () => undefined);
  const { epoch, nextSeq: firstSeq, previousHeaderSha256 } = spool.position;
  const event = Event.fromPartial({ event: { action, timeUnixNano: BigInt(Date.now()) * 1_000_000n } });
  const place = {
    hostId: stack.hostId,
    epoch,
    firstSeq,
    previousHeaderSha256,
    bootId: "5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13",
    agentVersion: "0",
    flags: 0,
  };
  const { key } = spool.append(sealBlock([event, event], place, nodePrimitives, sign));
  spool.close();
  return key;
}

/** Store roles that take a block and end before it is stored: by now it was delivered more often than a block may be. */
async function exhaust(action: string, key: string): Promise<void> {
  const nats = { servers: [stack.nats.url], credentials: "", publishTimeoutMs: 5000, replicas: 1 };
  const logger = openLogger("test", "error");
  const stream = await BlockStream.open(
    { ...nats, streamBytesMax: 4096 * 1024 * 1024, ackWaitMs: ACK_WAIT_MS },
    logger,
  );
  const [epoch = 0n, firstSeq = 0n] = key.split("-").map((part) => BigInt(`0x${part}`));
  const id = eventId(stack.hostId, epoch, firstSeq);
  const enough = new AbortController();
  const timeout = setTimeout(() => enough.abort(), 20_000);
  let deliveries = 0;
  await stream.consume(
    { batchMax: 64, lingerMs: 20, signal: enough.signal },
    async (blocks) => {
      for (const block of blocks) {
        const isIt = block.message.id === id;
        if (isIt) deliveries = block.deliveries;
        // What the agent tells of its own start is not to be delivered so often.
        block.retry(isIt ? 10 : 2000);
      }
      if (deliveries > DELIVERIES_MAX) enough.abort();
    },
    logger,
  );
  clearTimeout(timeout);
  await stream.close();
  assert.ok(deliveries > DELIVERIES_MAX, `${action} was delivered ${deliveries} times`);
}

function program(...words: string[]): { code: number; stdout: string; stderr: string } {
  const args = [PROGRAM, ...words, "--config", stack.agentConfigFile];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  return { code: status ?? -1, stdout, stderr };
}

interface Status {
  quarantine: { blocks: number; damaged: number; bytes: number; since: string; reasons: Record<string, number> };
  ledger: Record<string, number>;
  imbalances: unknown[];
}

async function status(): Promise<Status> {
  return (await askControl(runtimeDirectory)) as Status;
}

/** Starts the agent and waits until it answers; its log has the starts of earlier lives. */
async function start(): Promise<void> {
  stack.startAgent();
  await eventually("the agent's start", 20_000, async () =>
    (await status()).imbalances.length === 0 ? true : undefined,
  );
}

async function metric(name: string): Promise<string | undefined> {
  const text = await metricsOf(stack);
  const line = text.split("\n").find((each) => each.startsWith(`${name}{host="${stack.hostId}"} `));
  return line?.split(" ").at(-1);
}

const aside = (): string[] =>
  listQuarantine(quarantineOf(spoolOf({ stateDirectory }))).map(({ key, reason }) => `${key} ${reason}`);
const count = async (action: string): Promise<number> =>
  (await searchAll(client, { filter: `event.action = ${action}` })).length;

describe("a block that the collector refuses", { timeout: 240_000 }, () => {
  it("is in the quarantine, is seen there, and comes into the trail when its limit is raised and it is sent again", async (test) => {
    const nats = stack.nats.child;
    if (nats === undefined) {
      test.skip("NATS is not ours to start again");
      return;
    }
    const key = spoolBlock("delivered-often");
    await start();
    await exhaust("delivered-often", key);
    const small = await stack.startAnotherCollector({ roles: ["all"], store: { deliveries_max: DELIVERIES_MAX } });
    await eventually("the quarantine", 3 * ACK_WAIT_MS, async () => aside().length === 1 || undefined);
    assert.deepEqual(aside(), [`${key} DELIVERIES_EXHAUSTED`]);

    const { quarantine, ledger, imbalances } = await status();
    assert.deepEqual([quarantine.blocks, quarantine.reasons], [1, { DELIVERIES_EXHAUSTED: 1 }]);
    assert.ok(quarantine.bytes > 0 && Math.abs(Date.parse(quarantine.since) - Date.now()) < 60_000);
    assert.deepEqual([ledger["quarantined"], ledger["returned"], imbalances], [2, 0, []]);
    assert.match(program("status").stdout, /^quarantine\.reasons\.DELIVERIES_EXHAUSTED +1$/m);
    assert.match(
      program("doctor").stdout,
      /^warning {2}the quarantine has, .* 1 rejected block .*1 DELIVERIES_EXHAUSTED/m,
    );
    await eventually("the collector's metric", 10_000, async () =>
      (await metric("hosttrail_agent_quarantined_blocks")) === "1" ? true : undefined,
    );
    assert.equal(await metric("hosttrail_agent_quarantined_bytes"), String(quarantine.bytes));
    assert.equal(await count("delivered-often"), 0);

    await small.process.stop();
    await stack.startAnotherCollector({ roles: ["all"], store: { deliveries_max: 1000 } });
    // Else NATS takes it for a repetition of what it had two minutes ago, and the agent would have to be waited for.
    await nats.kill("SIGTERM");
    await stack.nats.start();
    const { code, stdout, stderr } = program("quarantine", "send", "--all");
    assert.deepEqual([code, stdout, stderr], [0, `${key}: is sent again\n`, ""]);
    assert.deepEqual(aside(), []);
    await eventually("its events", 40_000, async () => ((await count("delivered-often")) > 0 ? true : undefined));
    assert.equal(await count("delivered-often"), 2);
    const end = await eventually("its being stored", 20_000, async () => {
      const now = await status();
      return now.ledger["inSpool"] === 0 ? now : undefined;
    });
    assert.deepEqual([end.ledger["quarantined"], end.ledger["returned"], end.imbalances], [2, 2, []]);
    assert.equal(end.quarantine.blocks, 0);
    await eventually("the collector's metric to go", 10_000, async () =>
      (await metric("hosttrail_agent_quarantined_blocks")) === undefined ? true : undefined,
    );
    await stack.agent.stop();
  });

  it("goes back where it is refused again, once, and nothing else is held up", async () => {
    const key = spoolBlock("never-signed", () => randomBytes(64));
    await start();
    await eventually("the quarantine", 20_000, async () => aside().length === 1 || undefined);
    for (const times of [1, 2, 3]) {
      assert.equal(program("quarantine", "send", key).code, 0);
      await eventually("its coming back", 20_000, async () => {
        const { ledger } = await status();
        return ledger["quarantined"] === 2 * (times + 1) ? true : undefined;
      });
      const { ledger, imbalances } = await status();
      assert.deepEqual([aside(), ledger["returned"], imbalances], [[`${key} SIGNATURE_INVALID`], 2 * times, []]);
    }
    const unknown = `${"f".repeat(16)}-${"0".repeat(16)}`;
    const { code, stdout } = program("quarantine", "send", unknown, "--json");
    assert.equal(code, 1);
    assert.deepEqual(JSON.parse(stdout), {
      sent: [],
      refused: [{ key: unknown, reason: "it is not in the quarantine" }],
    });
    assert.equal(await count("never-signed"), 0);
    // Started again, the agent leaves it where it is.
    stack.killAgent();
    await eventually(
      "the agent's next life",
      20_000,
      async () => (await status()).ledger["quarantined"] === 0 || undefined,
    );
    assert.deepEqual(aside(), [`${key} SIGNATURE_INVALID`]);
    await assert.rejects(
      askControl(runtimeDirectory, { ask: "send-quarantined", keys: ["../../identity/host.key"] }),
      /keys must be 1 to 16 names of blocks/,
    );
    assert.deepEqual((await status()).imbalances, []);
  });

  it("arrives once where the agent is killed in the moment of sending, and no number of the trail comes twice", async () => {
    await stack.agent.stop();
    const keys = ["killed-one", "killed-two", "killed-three"].map((action) => spoolBlock(action));
    // As a collector that did not know them would have had it.
    const bounds = { bytesMax: 1 << 24, hoursMax: 0, segmentBytes: 1 << 20, quarantineBytesMax: 1 << 24 };
    const about = {
      directory: spoolOf({ stateDirectory }),
      sync: "always",
      bootId: "5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13",
    } as const;
    const spool = new Spool({ ...bounds, ...about }, () => undefined);
    for (const block of spool.blocks) if (keys.includes(block.key)) spool.quarantine(block, "HEADER_INVALID");
    spool.close();
    await start();
    for (const key of keys) {
      const sent = askControl(runtimeDirectory, { ask: "send-quarantined", keys: [key] }).catch(() => undefined);
      stack.killAgent();
      await sent;
      await eventually("the agent's next life", 20_000, async () =>
        (await status()).imbalances.length === 0 ? true : undefined,
      );
      // What the kill was too early for.
      if (aside().some((each) => each.startsWith(key))) assert.equal(program("quarantine", "send", key).code, 0);
    }
    for (const action of ["killed-one", "killed-two", "killed-three"]) {
      await eventually(action, 40_000, async () => ((await count(action)) === 2 ? true : undefined));
    }
    const { ledger, imbalances } = await status();
    assert.deepEqual([imbalances, ledger["evicted"]], [[], 0]);
    const { stdout } = program("verify", "--json", "--timeout", "30");
    assert.match(stdout, /"event_id"/);
    assert.equal(await count("trail-forked"), 0);
  });
});
