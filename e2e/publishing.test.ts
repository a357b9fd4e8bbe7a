/** NATS stands still while agents send: an ingest process keeps no more of their blocks than it has room for, and loses none. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { blockOf } from "./blocks.ts";
import { eventually, openStack } from "./environment.ts";
import { HostStream } from "./hoststream.ts";
import { metricsOf } from "./metrics.ts";

const ROOM_BYTES = 16 << 20;
const HOSTS = 6;
/** Of each host: together several times the room, and fewer than a stream's own bound. */
const BLOCKS = 30;
const EVENTS = 20;
/** Random, so that nothing makes them smaller. */
const ACTION_BYTES = 15_000;
const STILL_MS = 6000;
const LOOK_MS = 100;

describe("an ingest process whose NATS stands still", { timeout: 240_000 }, () => {
  it("has agents wait where it has no room for more of their blocks, and goes on afterwards", async () => {
    await using stack = await openStack({
      collector: {
        ingest: {
          hosts: "certified",
          publishing_bytes_max: ROOM_BYTES,
          quota: { bytes_per_second: 1 << 30, blocks_per_second: 100_000, waiting_bytes_max: 1 << 30 },
        },
      },
    });
    await stack.startServices();
    await stack.startCollector();
    const hosts = await Promise.all(
      Array.from({ length: HOSTS }, async (_, at) => {
        const hostId = String(at + 1).repeat(32);
        const identity = await stack.ca.host(hostId, `host-${at}`);
        const blocks: Uint8Array[] = [];
        let previous = new Uint8Array(0) as Uint8Array;
        for (let count = 0; count < BLOCKS; count++) {
          const about = { hostId, epoch: 1n, firstSeq: BigInt(count * EVENTS), previous };
          const events = Array.from({ length: EVENTS }, () => ({ action: randomBytes(ACTION_BYTES).toString("hex") }));
          const sealed = blockOf(identity.keyFile, about, events);
          previous = sealed.headerSha256;
          blocks.push(sealed.bytes);
        }
        const stream = new HostStream(stack, identity);
        stream.hello(hostId);
        await stream.answer("welcome");
        return { stream, blocks };
      }),
    );
    const publishing = async (): Promise<number> =>
      Number(/^hosttrail_ingest_publishing_bytes (\d+)$/m.exec(await metricsOf(stack))?.[1] ?? Number.NaN);
    const said = (reason: RegExp): boolean =>
      hosts.some(({ stream }) =>
        stream.responses.some((answer) => answer.$case === "throttle" && reason.test(answer.value.reason)),
      );
    try {
      const sent = hosts.flatMap(({ blocks }) => blocks).reduce((sum, block) => sum + block.length, 0);
      assert.ok(sent > 3 * ROOM_BYTES, `${sent} bytes are sent`);
      process.kill(stack.nats.child?.pid ?? 0, "SIGSTOP");
      let most = 0;
      try {
        for (const { stream, blocks } of hosts) for (const block of blocks) stream.block(block);
        for (const end = performance.now() + STILL_MS; performance.now() < end; await sleep(LOOK_MS))
          most = Math.max(most, await publishing());
      } finally {
        process.kill(stack.nats.child?.pid ?? 0, "SIGCONT");
      }
      assert.ok(most > ROOM_BYTES / 2 && most <= ROOM_BYTES, `${most} bytes were on their way at once`);
      assert.ok(said(/^COLLECTOR_BUSY$/), "agents are told to wait");
      await eventually("all blocks being stored", 120_000, async () => {
        for (const { stream } of hosts) if (stream.error !== undefined) throw stream.error;
        const stored = hosts.flatMap(({ stream }) =>
          stream.responses.flatMap((answer) => (answer.$case === "stored" ? answer.value.blocks : [])),
        );
        return stored.length >= HOSTS * BLOCKS || undefined;
      });
      assert.equal(await publishing(), 0);
    } finally {
      for (const { stream } of hosts) stream.close();
    }
  });
});
