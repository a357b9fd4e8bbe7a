import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { BLOCK_BYTES_MAX, parseBlock, sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { Event } from "@hosttrail/proto/event";
import fc from "fast-check";
import { scanSegment, Spool, type SpooledBlock, type SpoolLane, type SpoolOptions } from "./index.ts";

const pem = generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString();
const sign = signerOf(pem);
const hostId = "0123456789abcdef0123456789abcdef";

let directory: string;
let reports: [string, Record<string, unknown>][];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hosttrail-spool-"));
  reports = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

function open(change: Partial<SpoolOptions> = {}): Spool {
  const options = {
    directory,
    bytesMax: 1 << 20,
    segmentBytes: 1 << 20,
    hoursMax: 0,
    quarantineBytesMax: 1 << 20,
    sync: "never",
    bootId: "5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13",
  } as const;
  return new Spool({ ...options, ...change }, (event, detail) => reports.push([event, detail]));
}

function append(spool: Spool, count = 2, lane: SpoolLane = "normal"): SpooledBlock {
  const event = Event.fromPartial({ event: { action: "executed", timeUnixNano: 1n } });
  const { epoch, nextSeq: firstSeq, previousHeaderSha256 } = spool.position;
  const place = {
    hostId,
    epoch,
    firstSeq,
    previousHeaderSha256,
    bootId: "5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13",
    agentVersion: "1",
    flags: 0,
  };
  return spool.append(sealBlock(new Array(count).fill(event), place, nodePrimitives, sign), lane);
}

function segments(): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".segment"))
    .map((name) => join(directory, name));
}

describe("the spool", () => {
  it("goes on after a restart where it was, with what is not stored", () => {
    const spool = open();
    const first = append(spool);
    const second = append(spool);
    spool.free(first);
    spool.close();
    const again = open();
    assert.equal(again.position.epoch, spool.position.epoch);
    assert.equal(again.position.nextSeq, 4n);
    assert.deepEqual(
      Buffer.from(again.position.previousHeaderSha256),
      Buffer.from(spool.position.previousHeaderSha256),
    );
    assert.deepEqual(again.read(again.get(second.epoch, second.firstSeq) as SpooledBlock), spool.read(second));
    again.close();
  });

  it("begins a new epoch after a reboot, since a number must never come twice", () => {
    const spool = open();
    append(spool);
    spool.close();
    const after = open({ bootId: "77c1d9aa-20be-4c0f-b1f5-93e8a6d0415e" });
    assert.notEqual(after.position.epoch, spool.position.epoch);
    assert.equal(after.position.nextSeq, 0n);
    assert.equal([...after.blocks].length, 1);
    assert.equal(after.position.previousHeaderSha256.length, 32);
  });

  it("knows its newest block, and where the trail goes on, also where the clock was set back", (context) => {
    context.mock.timers.enable({ apis: ["Date"], now: Date.UTC(2026, 2, 14, 20) });
    const spool = open();
    append(spool);
    spool.close();
    context.mock.timers.setTime(Date.UTC(2026, 2, 14, 18));
    const rebooted = open({ bootId: "77c1d9aa-20be-4c0f-b1f5-93e8a6d0415e" });
    assert.ok(rebooted.position.epoch > spool.position.epoch);
    append(rebooted);
    const newest = append(rebooted, 3);
    rebooted.close();
    const again = open();
    assert.equal(parseBlock(again.lastBlock ?? Buffer.alloc(0)).header.firstSeq, newest.firstSeq);
    assert.deepEqual(again.position, rebooted.position);
    again.close();
  });

  it("cuts a torn write off, tells where it was, and keeps the rest", () => {
    const spool = open();
    append(spool);
    const torn = append(spool);
    spool.close();
    const [path = ""] = segments();
    truncateSync(path, torn.offset + 20);
    const again = open();
    assert.deepEqual(reports, [["corrupt", { path, offset: torn.offset, length: 20 }]]);
    assert.equal([...again.blocks].length, 1);
    assert.equal(readFileSync(path).length, torn.offset);
    assert.notEqual(again.position.epoch, spool.position.epoch);
  });

  it("loses one block to one flipped byte, tells where, and keeps its bytes aside", () => {
    const spool = open();
    const blocks = [append(spool), append(spool), append(spool)];
    spool.close();
    const [path = ""] = segments();
    const content = readFileSync(path);
    const offset = blocks[1]?.offset ?? 0;
    content[offset + 40] = (content[offset + 40] ?? 0) ^ 1;
    writeFileSync(path, content);
    const again = open();
    assert.deepEqual(
      [...again.blocks].map((block) => block.firstSeq),
      [0n, 4n],
    );
    assert.equal(reports[0]?.[0], "corrupt");
    assert.equal(reports[0]?.[1]["offset"], offset);
    assert.equal(again.counters().corruptStretches, 1);
    assert.equal(readdirSync(join(directory, "quarantine")).length, 1);
  });

  it("deletes segments of which nothing is needed, but never the newest", () => {
    const spool = open({ segmentBytes: 600 });
    const blocks = Array.from({ length: 6 }, () => append(spool));
    assert.ok(segments().length >= 3);
    for (const block of blocks) spool.free(block);
    assert.equal(segments().length, 1);
    spool.close();
    assert.equal(open().position.nextSeq, 12n);
  });

  it("evicts the oldest segment over its bound and counts what was in it", () => {
    const spool = open({ segmentBytes: 600, bytesMax: 2000 });
    for (let count = 0; count < 12; count++) append(spool, 3);
    const { bytes, blocks, evictedBlocks, evictedEvents } = spool.counters();
    assert.ok(bytes <= 2000);
    assert.equal(blocks + evictedBlocks, 12);
    assert.equal(evictedEvents, evictedBlocks * 3);
    assert.ok(reports.some(([event]) => event === "evicted"));
  });

  it("puts a rejected block aside", () => {
    const spool = open();
    const block = append(spool);
    const bytes = spool.read(block);
    spool.quarantine(block, "HOST_MISMATCH");
    assert.equal([...spool.blocks].length, 0);
    const [name = ""] = readdirSync(join(directory, "quarantine"));
    assert.deepEqual(readFileSync(join(directory, "quarantine", name)), bytes);
  });
});

describe("scanSegment", () => {
  it("accounts for every byte of any content", () => {
    const magic = Buffer.from("HTB1");
    const piece = fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.constant(magic));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const content = Buffer.concat(pieces);
        let at = 0;
        for (const stretch of scanSegment(content)) {
          assert.equal(stretch.offset, at);
          at += stretch.kind === "block" ? 12 + stretch.bytes.length : stretch.length;
        }
        assert.equal(at, content.length);
      }),
      { numRuns: 2000 },
    );
  });

  it("does not believe a length that no block can have", () => {
    const frame = Buffer.alloc(100);
    frame.write("HTB1");
    frame.writeUInt32LE(BLOCK_BYTES_MAX + 1, 4);
    assert.equal(scanSegment(frame)[0]?.kind, "corrupt");
  });
});
