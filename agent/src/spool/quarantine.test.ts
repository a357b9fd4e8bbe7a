import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseBlock, sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { Event } from "@hosttrail/proto/event";
import { eventsIn, listQuarantine, Spool, type SpooledBlock, type SpoolLane, type SpoolOptions } from "./index.ts";
import { QUARANTINE_FILES_MAX } from "./quarantine.ts";

const pem = generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString();
const sign = signerOf(pem);
const hostId = "0123456789abcdef0123456789abcdef";

let directory: string;
let reports: [string, Record<string, unknown>][];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hosttrail-quarantine-"));
  reports = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

const options = {
  bytesMax: 1 << 20,
  segmentBytes: 1 << 20,
  hoursMax: 0,
  quarantineBytesMax: 1 << 20,
  sync: "never",
  bootId: "5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13",
} as const;

function open(change: Partial<SpoolOptions> = {}): Spool {
  return new Spool({ ...options, directory, ...change }, (event, detail) => reports.push([event, detail]));
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

const folder = (): string => join(directory, "quarantine");
const files = (): string[] => readdirSync(folder()).toSorted();
const segments = (): string[] => readdirSync(directory).filter((name) => name.endsWith(".segment"));

/** What the ledger's equation about the spool leaves over. */
function difference(spool: Spool): number {
  const now = spool.counters();
  const came = now.foundEvents + now.appendedEvents + now.returnedEvents;
  return came - now.storedEvents - now.evictedEvents - now.quarantinedEvents - now.events;
}

describe("the quarantine", () => {
  it("says by a file's name which block it is and why it is there", () => {
    const spool = open();
    const block = append(spool, 3);
    const bytes = spool.read(block);
    spool.quarantine(block, "DATABASE_REFUSED", "too many of something");
    assert.deepEqual(files(), [`${block.key}.DATABASE_REFUSED.block`]);
    assert.deepEqual(readFileSync(join(folder(), files()[0] ?? "")), bytes);
    const [file] = listQuarantine(folder());
    assert.ok(file !== undefined);
    assert.deepEqual([file.key, file.reason, file.bytes], [block.key, "DATABASE_REFUSED", bytes.length]);
    assert.ok(Math.abs(Date.now() - file.sinceMs) < 5000);
    assert.equal(eventsIn(file), 3);
    assert.deepEqual(reports, [
      ["quarantined", { path: file.path, reason: "DATABASE_REFUSED", detail: "too many of something" }],
    ]);
    assert.equal(difference(spool), 0);
  });

  it("takes no reason for a part of a path, nor for one of its own", () => {
    const spool = open();
    for (const reason of ["../../../etc/cron.d/x", "", "lower case", "A".repeat(65), "DAMAGED", "A.B"]) {
      const block = append(spool);
      spool.quarantine(block, reason);
      assert.ok(files().includes(`${block.key}.OTHER.block`), reason);
    }
    assert.deepEqual(spool.quarantined().reasons, { OTHER: 6 });
    assert.deepEqual(
      listQuarantine(folder()).map(({ reason }) => reason),
      new Array(6).fill("OTHER"),
    );
  });

  it("shows the oldest first, and leaves out what is not its own", () => {
    const spool = open();
    const blocks = [append(spool), append(spool), append(spool)];
    for (const block of blocks) spool.quarantine(block, "HEADER_INVALID");
    const [first, second, third] = blocks.map(({ key }) => key);
    utimesSync(join(folder(), `${third}.HEADER_INVALID.block`), 1000, 1000);
    writeFileSync(join(folder(), "README"), "mine");
    mkdirSync(join(folder(), `${"0".repeat(16)}-${"1".repeat(16)}.A.block`));
    symlinkSync("/etc/passwd", join(folder(), `${"0".repeat(16)}-${"2".repeat(16)}.A.block`));
    assert.deepEqual(
      listQuarantine(folder()).map(({ key }) => key),
      [third, first, second],
    );
    assert.equal(spool.quarantined().sinceMs, 1_000_000);
    assert.deepEqual(listQuarantine(join(directory, "nowhere")), []);
  });

  it("gives up the oldest over its bytes, counts its events and says so", () => {
    const spool = open({ quarantineBytesMax: 1000 });
    const blocks = Array.from({ length: 6 }, () => append(spool, 5));
    for (const [at, block] of blocks.entries()) {
      spool.quarantine(block, "HEADER_INVALID");
      utimesSync(join(folder(), `${block.key}.HEADER_INVALID.block`), at + 1, at + 1);
    }
    const kept = listQuarantine(folder());
    assert.ok(kept.length > 0 && kept.length < 6);
    assert.ok(spool.quarantined().bytes <= 1000);
    assert.equal(kept.at(-1)?.key, blocks.at(-1)?.key);
    const gone = reports.filter(([event]) => event === "discarded");
    assert.equal(gone.length, 6 - kept.length);
    assert.equal(gone[0]?.[1]["events"], 5);
    assert.equal(spool.counters().discardedEvents, gone.length * 5);
    assert.equal(difference(spool), 0);
  });

  it("gives up the oldest over its number of files", () => {
    const spool = open();
    const block = append(spool);
    for (let at = 0; at < QUARANTINE_FILES_MAX; at++) {
      const path = join(folder(), `${"0".repeat(16)}-${at.toString(16).padStart(16, "0")}.OLD.block`);
      writeFileSync(path, "x");
      utimesSync(path, at + 1, at + 1);
    }
    spool.quarantine(block, "HEADER_INVALID");
    assert.equal(files().length, QUARANTINE_FILES_MAX);
    assert.ok(!files().includes(`${"0".repeat(33).replace(/^(.{16})./, "$1-")}.OLD.block`));
    assert.ok(files().includes(`${block.key}.HEADER_INVALID.block`));
  });

  it("keeps no damage that is larger than all of it, rather than to give up the blocks", () => {
    const spool = open();
    spool.quarantine(append(spool), "HEADER_INVALID");
    spool.close();
    writeFileSync(join(directory, "big.segment"), Buffer.alloc(5000, 1));
    const again = open({ quarantineBytesMax: 4000 });
    assert.deepEqual(again.quarantined().reasons, { HEADER_INVALID: 1 });
    assert.ok(reports.some(([event, { path }]) => event === "discarded" && String(path).includes("big.segment.0")));
  });

  it("shows damage apart from blocks, with its first time, as long as its segment is there", () => {
    const spool = open();
    const block = append(spool);
    append(spool);
    spool.close();
    const [name = ""] = segments();
    const path = join(directory, name);
    const content = readFileSync(path);
    content[block.offset + 40] = (content[block.offset + 40] ?? 0) ^ 1;
    writeFileSync(path, content);
    assert.deepEqual(open().quarantined().reasons, { DAMAGED: 1 });
    const [file] = listQuarantine(folder());
    assert.ok(file !== undefined);
    assert.deepEqual([file.key, eventsIn(file)], [`${name}.${block.offset}`, undefined]);
    utimesSync(file.path, 1000, 1000);
    const { blocks, damaged, sinceMs } = open().quarantined();
    assert.deepEqual([blocks, damaged, sinceMs], [0, 1, 1_000_000]);
  });

  it("leaves a block in the spool where the disk does not take it", () => {
    const spool = open();
    const block = append(spool);
    rmSync(folder(), { recursive: true });
    assert.throws(() => spool.quarantine(block, "HEADER_INVALID"), { code: "ENOENT" });
    assert.equal(spool.get(block.epoch, block.firstSeq), block);
    assert.equal(difference(spool), 0);
    mkdirSync(folder());
    spool.quarantine(block, "HEADER_INVALID");
    assert.equal(spool.counters().quarantinedEvents, 2);
  });

  it("has a block once and with its last reason, however often it is refused", () => {
    const spool = open();
    const block = append(spool);
    spool.quarantine(block, "HEADER_INVALID");
    spool.quarantine(block, "SIGNATURE_INVALID");
    assert.deepEqual(files(), [`${block.key}.HEADER_INVALID.block`], "it is not in the spool any more");
    spool.quarantine(spool.putBack(block.key), "SIGNATURE_INVALID");
    assert.deepEqual(files(), [`${block.key}.SIGNATURE_INVALID.block`]);
    assert.equal(difference(spool), 0);
  });
});

describe("a block that is put back", () => {
  it("is in the spool as it was, in no file of the quarantine, and the ledger adds up", () => {
    const spool = open();
    const blocks = [append(spool, 3), append(spool, 4)];
    const bytes = blocks.map((block) => spool.read(block));
    for (const block of blocks) spool.quarantine(block, "HEADER_INVALID");
    const back = blocks.map(({ key }) => spool.putBack(key));
    assert.deepEqual(files(), []);
    assert.deepEqual(
      back.map((block) => spool.read(block)),
      bytes,
    );
    assert.deepEqual([...spool.blocks], back);
    const { returnedEvents, events } = spool.counters();
    assert.deepEqual([returnedEvents, events, difference(spool)], [7, 7, 0]);
    for (const block of back) spool.free(block);
    assert.equal(difference(spool), 0);
    assert.equal(segments().length, 1, "its own segment went when it was stored");
  });

  it("is not taken for the trail's end after a restart: no number comes twice", () => {
    for (const between of [0, 1, 3]) {
      const spool = open({ segmentBytes: 600 });
      const first = append(spool);
      for (let count = 0; count < 4; count++) append(spool);
      spool.quarantine(first, "HEADER_INVALID");
      spool.putBack(first.key);
      for (let count = 0; count < between; count++) append(spool);
      const { position } = spool;
      spool.close();
      const again = open({ segmentBytes: 600 });
      assert.deepEqual(again.position, position);
      again.close();
    }
  });

  it("does not let the trail's end go, whatever is stored before and after it", () => {
    const spool = open({ segmentBytes: 600 });
    const blocks = Array.from({ length: 6 }, () => append(spool));
    const [first] = blocks;
    assert.ok(first !== undefined);
    spool.quarantine(first, "HEADER_INVALID");
    const { position } = spool;
    spool.close();
    // Nothing is written to any more: only the trail's end keeps its segment.
    const again = open({ segmentBytes: 600 });
    const back = again.putBack(first.key);
    for (const block of again.blocks) again.free(block);
    assert.equal(again.get(back.epoch, back.firstSeq), undefined);
    assert.equal(segments().length, 1);
    again.close();
    assert.deepEqual(open({ segmentBytes: 600 }).position, position);
  });

  it("may be the trail's end itself", () => {
    const spool = open();
    append(spool);
    const last = append(spool);
    const { position } = spool;
    spool.quarantine(last, "HEADER_INVALID");
    spool.close();
    const again = open();
    assert.deepEqual(again.position, position);
    assert.equal([...again.blocks].length, 1, "what is in the quarantine is not sent");
    for (const block of again.blocks) again.free(block);
    again.free(again.putBack(last.key));
    again.close();
    assert.deepEqual(open().position, position);
  });

  it("stays in the quarantine where the spool has no room, so that nothing is given up for it", () => {
    const spool = open({ segmentBytes: 600 });
    const block = append(spool);
    append(spool);
    spool.quarantine(block, "HEADER_INVALID");
    spool.close();
    const bytesMax = spool.counters().bytes + block.length;
    const full = open({ segmentBytes: 600, bytesMax });
    assert.throws(() => full.putBack(block.key), {
      name: "ReturnError",
      message: /^the spool has room for \d+ bytes, and the block needs \d+$/,
    });
    assert.equal(files().length, 1);
    assert.equal(full.counters().evictedBlocks, 0);
  });

  it("must be what its file's name says", () => {
    const spool = open();
    const [one, other] = [append(spool), append(spool)];
    spool.quarantine(one, "HEADER_INVALID");
    spool.quarantine(other, "HEADER_INVALID");
    const path = (key: string): string => join(folder(), `${key}.HEADER_INVALID.block`);
    copyFileSync(path(other.key), path(one.key));
    assert.throws(() => spool.putBack(one.key), { message: `its file has the block ${other.key}` });
    writeFileSync(path(other.key), "torn");
    assert.throws(() => spool.putBack(other.key), { name: "ReturnError", message: /^its file is damaged \(/ });
    assert.throws(() => spool.putBack(`${"0".repeat(16)}-${"0".repeat(16)}`), {
      message: "it is not in the quarantine",
    });
    assert.equal(spool.counters().returnedEvents, 0);
    assert.equal(files().length, 2);
  });
});

describe("an end at any moment", () => {
  it("between the file of the quarantine and the spool's forgetting leaves the block in the quarantine", () => {
    const spool = open();
    const block = append(spool);
    append(spool);
    spool.quarantine(block, "HEADER_INVALID");
    spool.close();
    // Its segment is there still, as it is when the end comes before it is swept.
    const again = open();
    assert.equal(again.get(block.epoch, block.firstSeq), undefined);
    assert.equal(again.counters().foundEvents, 2);
    assert.equal(again.putBack(block.key).count, 2);
    assert.equal(difference(again), 0);
  });

  it("between the segment of a block that is put back and its file's end leaves it in the quarantine", () => {
    const spool = open();
    const block = append(spool);
    append(spool);
    spool.quarantine(block, "HEADER_INVALID");
    const path = join(folder(), `${block.key}.HEADER_INVALID.block`);
    copyFileSync(path, join(directory, "aside"));
    spool.putBack(block.key);
    renameSync(join(directory, "aside"), path);
    spool.close();
    const again = open();
    assert.equal(again.get(block.epoch, block.firstSeq), undefined);
    const back = again.putBack(block.key);
    assert.deepEqual(parseBlock(again.read(back)).header.firstSeq, block.firstSeq);
    for (const each of again.blocks) again.free(each);
    assert.equal(difference(again), 0);
    assert.equal(segments().length, 1);
  });

  it("does not lose the trail's end where that is the block, put back by two lives", () => {
    const spool = open();
    const block = append(spool);
    const { position } = spool;
    spool.quarantine(block, "HEADER_INVALID");
    const path = join(folder(), `${block.key}.HEADER_INVALID.block`);
    copyFileSync(path, join(directory, "aside"));
    spool.putBack(block.key);
    renameSync(join(directory, "aside"), path);
    spool.close();
    const again = open();
    again.free(again.putBack(block.key));
    again.close();
    assert.deepEqual(open().position, position);
  });

  it("while a block is put back that stands in its first segment, too, sends it once", () => {
    const spool = open();
    const block = append(spool);
    append(spool);
    spool.quarantine(block, "HEADER_INVALID");
    spool.putBack(block.key);
    spool.close();
    const again = open();
    assert.deepEqual(new Set(Array.from(again.blocks, ({ firstSeq }) => firstSeq)), new Set([0n, 2n]));
    assert.equal([...again.blocks].length, 2);
    assert.equal(again.counters().foundEvents, 4);
    for (const each of again.blocks) again.free(each);
    assert.deepEqual([again.counters().events, difference(again), segments().length], [0, 0, 1]);
  });

  it("leaves no half file that is taken for a block", () => {
    const spool = open();
    const block = append(spool);
    spool.quarantine(block, "HEADER_INVALID");
    spool.close();
    writeFileSync(join(folder(), `${block.key}.OTHER.block.new`), "half");
    writeFileSync(join(directory, `${block.key}.returned.segment.new`), "half");
    const again = open();
    assert.deepEqual(files(), [`${block.key}.HEADER_INVALID.block`]);
    assert.ok(!readdirSync(directory).some((name) => name.endsWith(".new")));
    assert.equal(again.counters().corruptStretches, 0);
  });

  it("by SIGKILL, again and again, loses no block, and gives no number twice", { timeout: 120_000 }, async () => {
    const spool = open({ segmentBytes: 2000 });
    const keys = new Set(Array.from({ length: 24 }, () => append(spool).key));
    const { position } = spool;
    spool.close();
    const source = `
      import { Spool } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
      const spool = new Spool(${JSON.stringify({ ...options, segmentBytes: 2000, directory })}, () => undefined);
      const keys = ${JSON.stringify([...keys])};
      process.stdout.write("ready\\n");
      for (let turn = 0; ; turn++) {
        const key = keys[Math.floor(Math.random() * keys.length)];
        const [epoch, firstSeq] = key.split("-").map((part) => BigInt("0x" + part));
        const block = spool.get(epoch, firstSeq);
        if (block === undefined) spool.putBack(key);
        else spool.quarantine(block, turn % 2 === 0 ? "HEADER_INVALID" : "DATABASE_REFUSED");
      }`;
    for (let kill = 0; kill < 12; kill++) {
      const child = spawn(process.execPath, ["--input-type=module", "-e", source], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await new Promise((resolve) => child.stdout.once("data", resolve));
      await sleep(Math.random() * 40);
      assert.equal(child.exitCode, null, "it works until it is killed");
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
      const after = open({ segmentBytes: 2000 });
      assert.deepEqual(after.position, position);
      const inSpool = [...after.blocks].map(({ key }) => key);
      const aside = new Set(listQuarantine(folder()).map(({ key }) => key));
      assert.ok(inSpool.every((key) => !aside.has(key)));
      assert.deepEqual(new Set([...inSpool, ...aside]), keys);
      assert.equal(inSpool.length, new Set(inSpool).size);
      assert.equal(difference(after), 0);
      assert.equal(after.counters().corruptStretches, 0);
      after.close();
    }
  });
});
