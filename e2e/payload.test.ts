/** NATS that takes smaller messages than blocks can be: it is said, large blocks wait at their host, and nothing is given up. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, it } from "node:test";
import { Spool } from "@hosttrail/agent/spool";
import { sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { Event } from "@hosttrail/proto/event";
import { eventually, openStack, queryClient, search } from "./environment.ts";

const SMALL = 64 * 1024;
let stack: Awaited<ReturnType<typeof openStack>>;

before(async () => {
  stack = await openStack({ nats: [`max_payload: ${SMALL}`] });
  await stack.startServices();
  await stack.startCollector();
  await stack.enroll();
});
after(() => stack[Symbol.asyncDispose]());

it("a large block waits in the spool, smaller ones pass, and it goes once NATS takes it", async (test) => {
  if (stack.nats.child === undefined) {
    test.skip("NATS is not ours to set up");
    return;
  }
  assert.match(stack.collector.logTail(50), /"maxPayload":65536,"needed":1026048,.*set max_payload of nats-server/);
  const directory = dirname(stack.agentConfigFile);
  const spoolDirectory = join(directory, "agent-state", "spool");
  const bounds = {
    bytesMax: 1 << 24,
    hoursMax: 0,
    segmentBytes: 1 << 20,
    quarantineBytesMax: 1 << 24,
    sync: "never",
    bootId: "5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13",
  } as const;
  const spool = new Spool({ ...bounds, directory: spoolDirectory }, () => undefined);
  const sign = signerOf(readFileSync(stack.host.keyFile, "utf8"));
  for (const [action, args] of [
    ["small-before", []],
    ["large", Array.from({ length: 250 }, () => randomBytes(600).toString("base64"))],
    ["small-after", []],
  ] as const) {
    const { epoch, nextSeq: firstSeq, previousHeaderSha256 } = spool.position;
    const event = Event.fromPartial({
      event: { action, timeUnixNano: BigInt(Date.now()) * 1_000_000n },
      process: { args: [...args] },
    });
    const about = {
      hostId: stack.hostId,
      epoch,
      firstSeq,
      bootId: "5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13",
      agentVersion: "0",
      flags: 0,
    };
    spool.append(sealBlock([event], { ...about, previousHeaderSha256 }, nodePrimitives, sign));
  }
  spool.close();
  // It reads no events of its own, and goes on.
  const config = `${readFileSync(stack.agentConfigFile, "utf8")}source:\n  mode: none\n`;
  writeFileSync(stack.agentConfigFile, config);
  stack.startAgent();
  const client = queryClient(stack);
  const isStored = async (action: string): Promise<boolean> =>
    (await search(client, { filter: `event.action = ${action}` })).events.length === 1;
  for (const action of ["small-before", "small-after"]) {
    await eventually(action, 20_000, async () => (await isStored(action)) || undefined);
  }
  assert.equal(await isStored("large"), false);
  assert.match(
    stack.agent.logTail(100),
    /"blockBytesMax":63488,"msg":"the collector cannot take so large a block at the moment/,
  );
  assert.deepEqual(readdirSync(join(spoolDirectory, "quarantine")), [], "nothing is given up");

  // Set up as usual, it takes all; agents are asked to come again.
  const file = join(directory, "nats.conf");
  writeFileSync(file, readFileSync(file, "utf8").replace(/^max_payload.*\n/m, ""));
  await stack.nats.child.kill("SIGKILL");
  await stack.nats.start();
  await eventually("the large block", 40_000, async () => (await isStored("large")) || undefined);
  client.close();
});
