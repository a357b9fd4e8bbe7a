import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  BLOCK_BYTES_MAX,
  BLOCK_BYTES_TARGET,
  type EncodedEvents,
  openBlock,
  parseBlock,
  type SealedBlock,
  sealEncoded,
} from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { Event } from "@hosttrail/proto/event";
import { BlockBuilder, type Lane } from "./index.ts";

const sign = signerOf(generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString());
const DAY_NANO = 86_400_000_000_000n;

/** A builder whose blocks gather in a list; `disk.full` makes it refuse. */
function made(lingerMs = 10): {
  builder: BlockBuilder;
  blocks: [SealedBlock, Lane][];
  disk: { full: boolean };
  told: string[];
} {
  const blocks: [SealedBlock, Lane][] = [];
  const disk = { full: false };
  const told: string[] = [];
  let firstSeq = 0n;
  const builder = new BlockBuilder({
    lingerMs,
    retryMs: 15,
    seal: (encoded: EncodedEvents) =>
      sealEncoded(
        encoded,
        {
          hostId: "0".repeat(32),
          epoch: 1n,
          firstSeq,
          bootId: "5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13",
          agentVersion: "1",
          flags: 0,
          previousHeaderSha256: new Uint8Array(0),
        },
        nodePrimitives,
        sign,
      ),
    append: (block, lane) => {
      if (disk.full) throw new Error("ENOSPC: no space left on device, write");
      firstSeq += BigInt(block.header.count);
      blocks.push([block, lane]);
    },
    onStuck: (error) => told.push(error === undefined ? "goes on" : "stuck"),
    onRoom: () => told.push("room"),
  });
  return { builder, blocks, disk, told };
}

function event(action: string, timeUnixNano = 1n, text = ""): Event {
  return Event.fromPartial({ event: { action, timeUnixNano }, process: { args: [text] } });
}

const actions = (blocks: readonly [SealedBlock, Lane][]): string[] =>
  blocks.flatMap(([block]) =>
    openBlock(parseBlock(block.bytes), nodePrimitives)
      .events()
      .map(({ event: info }) => info?.action ?? ""),
  );

describe("the block builder", () => {
  it("sends what comes after a quiet time at once, and keeps later blocks as far apart as they linger", async () => {
    const { builder, blocks } = made(2000);
    const counts = (): number[] => blocks.map(([block]) => block.header.count);
    builder.add(event("a"), 10, "normal");
    await sleep(500);
    assert.deepEqual(counts(), [1]);
    builder.add(event("b"), 10, "normal");
    await sleep(500);
    builder.add(event("c"), 10, "normal");
    assert.deepEqual(counts(), [1]);
    await sleep(1500);
    assert.deepEqual(counts(), [1, 2]);
    builder.close();
  });

  it("cuts a block after its linger, at the number of events, and at midnight", async () => {
    const { builder, blocks } = made();
    builder.add(event("a"), 10, "normal");
    await sleep(40);
    assert.deepEqual(
      blocks.map(([block]) => block.header.count),
      [1],
    );
    for (let count = 0; count < 2001; count++) builder.add(event("b"), 10, "normal");
    builder.add(event("c", DAY_NANO + 5n), 10, "normal");
    builder.flush();
    assert.deepEqual(
      blocks.map(([block]) => block.header.count),
      [1, 2000, 1, 1],
    );
  });

  it("keeps events of low priority in blocks of their own", () => {
    const { builder, blocks } = made();
    for (const lane of ["normal", "low", "normal", "low"] as const) builder.add(event(lane), 10, lane);
    builder.flush();
    assert.deepEqual(
      blocks.map(([block, lane]) => [lane, block.header.count]),
      [
        ["normal", 2],
        ["low", 2],
      ],
    );
  });

  it("stays under the block's limit whatever texts come, and says so of one that alone would pass it", () => {
    const { builder, blocks } = made();
    const noise = (length: number): string =>
      Array.from({ length }, () => Math.random().toString(36).slice(2, 12)).join("");
    for (let count = 0; count < 60; count++) builder.add(event("large", 1n, noise(5000)), 50_000, "normal");
    builder.add(event("huge", 1n, noise(300_000)), 3_000_000, "normal");
    builder.flush();
    for (const [block] of blocks) {
      const bound = block.header.count > 1 ? BLOCK_BYTES_TARGET : BLOCK_BYTES_MAX;
      assert.ok(block.bytes.length <= bound, `${block.bytes.length} of ${bound}`);
    }
    assert.equal(builder.truncated, 1);
    assert.equal(actions(blocks).length, 61);
  });

  it("waits while the disk takes nothing, loses nothing, and goes on in order", async () => {
    const { builder, blocks, disk, told } = made(5);
    builder.add(event("0"), 10, "normal");
    disk.full = true;
    await sleep(30);
    for (let count = 1; count < 5000; count++) builder.add(event(String(count)), 10, "normal");
    await sleep(60);
    assert.equal(builder.isStuck, true);
    assert.equal(builder.pending, 5000);
    assert.equal(blocks.length, 0);
    disk.full = false;
    await sleep(60);
    builder.flush();
    assert.deepEqual(
      actions(blocks),
      Array.from({ length: 5000 }, (_, count) => String(count)),
    );
    assert.equal(builder.pending, 0);
    assert.equal(told.at(-1), "goes on");
    let seq = 0n;
    for (const [{ header }] of blocks) {
      assert.equal(header.firstSeq, seq);
      seq += BigInt(header.count);
    }
  });

  it("is full at its bound, and tells when there is room again", async () => {
    const { builder, blocks, disk, told } = made(5);
    disk.full = true;
    let added = 0;
    while (!builder.isFull && added < 100_000) {
      builder.add(event("x", 1n, `${added} ${"y".repeat(4000)} ${added}`), 4000, "normal");
      added++;
    }
    assert.ok(added < 100_000 && added > 1000, `${added} events`);
    disk.full = false;
    await sleep(60);
    builder.flush();
    assert.ok(told.includes("room"));
    assert.equal(actions(blocks).length, added);
  });
});
