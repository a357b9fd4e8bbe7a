/** The agent's spool on a simulated disk, which fails just where it is told to. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { beforeEach, describe, it } from "node:test";
import type { Spool, SpooledBlock } from "@hosttrail/agent/spool";
import { sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { Event } from "@hosttrail/proto/event";
import { patchGlobals, presentChance } from "../clock/index.ts";
import { substituteModules } from "../load/register.ts";
import { presentSchedule, Random, Schedule, SimulatedProcess, START_MS } from "../schedule/index.ts";
import { Disk, presentDisks } from "./index.ts";

await substituteModules([]);
patchGlobals();
const spools = await import("@hosttrail/agent/spool");

const DIRECTORY = "/var/lib/agent/spool";
const BOOT = "2f0a3a49-9f64-4a3a-9a51-0c1a1f3a7d10";
const sign = signerOf(generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString());
const machine = { name: "h0", clockOffsetMs: 0 };

let schedule: Schedule;
let disk: Disk;
let reports: [string, Record<string, unknown>][];

beforeEach(() => {
  const random = new Random("spool on a simulated disk");
  schedule = new Schedule(random.stream("schedule"), false);
  disk = new Disk(random.stream("disk"), () => START_MS + schedule.nowMs);
  presentSchedule.set(schedule);
  presentChance.set(random.stream("chance"));
  presentDisks.set(() => disk);
  reports = [];
});

/** Runs it as a process, and gives what it gives. */
async function as<Value>(run: () => Value): Promise<Value> {
  const results: Value[] = [];
  await schedule.run(new SimulatedProcess("agent", machine), () => void results.push(run()));
  const [uncaught] = schedule.uncaught;
  if (uncaught !== undefined) throw uncaught.error;
  return results[0] as Value;
}

function open(sync: "always" | "second" = "always"): Spool {
  const bounds = { bytesMax: 1 << 20, segmentBytes: 65_536, hoursMax: 0, quarantineBytesMax: 1 << 20 };
  return new spools.Spool({ directory: DIRECTORY, sync, bootId: BOOT, ...bounds }, (event, about) =>
    reports.push([event, about]),
  );
}

function append(spool: Spool): SpooledBlock {
  const { epoch, nextSeq: firstSeq, previousHeaderSha256 } = spool.position;
  const place = { hostId: "a".repeat(32), epoch, firstSeq, bootId: BOOT, agentVersion: "0.1.0", flags: 0 };
  return spool.append(sealBlock([Event.fromPartial({})], { ...place, previousHeaderSha256 }, nodePrimitives, sign));
}

describe("the spool, where the disk refuses", () => {
  it("finds a block again that came after one that could be neither written nor taken back", async () => {
    await as(() => {
      const spool = open();
      const first = append(spool);
      const before = spool.read(first);
      disk.refuses = (syscall) => syscall === "fsync" || syscall === "ftruncate";
      assert.throws(() => append(spool), { code: "EIO" });
      disk.refuses = () => false;
      const second = append(spool);
      assert.equal(second.firstSeq, 1n);
      const bytes = spool.read(second);
      assert.deepEqual(spool.read(first), before);
      spool.close();
      const again = open();
      const found = again.get(second.epoch, 1n);
      assert.deepEqual(found && again.read(found), bytes);
      assert.equal([...again.blocks].length, 2);
    });
  });

  it("leaves no file open where a segment cannot be begun", async () => {
    await as(() => {
      const spool = open();
      disk.refuses = (syscall, path) => syscall === "fsync" && path === DIRECTORY;
      for (let time = 0; time < 3; time++) assert.throws(() => append(spool), { code: "EIO" });
      assert.equal(disk.openFiles, 0);
      disk.refuses = () => false;
      assert.equal(append(spool).firstSeq, 0n);
    });
  });

  it("keeps what it has though a segment that is not needed cannot be removed, and removes it later", async () => {
    await as(() => {
      const spool = open();
      const blocks: SpooledBlock[] = [];
      while (disk.filesIn(DIRECTORY).length < 2) blocks.push(append(spool));
      const last = blocks.pop() as SpooledBlock;
      disk.refuses = (syscall) => syscall === "unlink";
      for (const block of blocks) spool.free(block);
      assert.deepEqual(
        reports.map(([event]) => event),
        ["unremoved"],
      );
      const next = append(spool);
      assert.equal(next.firstSeq, last.firstSeq + 1n);
      disk.refuses = () => false;
      spool.free(last);
      spool.free(next);
      append(spool);
      assert.equal(disk.filesIn(DIRECTORY).length, 1);
    });
  });

  it("goes on and tells where it cannot sync once a second, and syncs as soon as it can", async () => {
    const spool = await as(() => open("second"));
    // The first one is synced at once.
    const process = new SimulatedProcess("agent", machine);
    await schedule.run(process, () => void append(spool));
    await schedule.run(process, () => void append(spool));
    disk.refuses = (syscall) => syscall === "fsync";
    await schedule.runUntil(schedule.nowMs + 2500);
    assert.deepEqual(schedule.uncaught, []);
    assert.deepEqual(
      reports.map(([event]) => event),
      ["unsynced", "unsynced"],
    );
    disk.refuses = () => false;
    await schedule.runUntil(schedule.nowMs + 1500);
    disk.losePower();
    assert.equal([...(await as(() => open("second"))).blocks].length, 2);
  });

  it("forces a segment to the disk before it begins the next one", async () => {
    await as(() => {
      const spool = open("second");
      let blocks = 0;
      while (disk.filesIn(DIRECTORY).length < 2) {
        append(spool);
        blocks++;
      }
      disk.losePower();
      // At most the newest one, of the last second.
      assert.ok([...open("second").blocks].length >= blocks - 1);
    });
  });
});

describe("a block that the disk has damaged while the agent runs", () => {
  it("is put aside and counted as given up, instead of being sent for ever", async () => {
    await as(() => {
      const spool = open();
      const [first, second] = [append(spool), append(spool)];
      const [path = ""] = disk.filesIn(DIRECTORY);
      disk.inode(path)?.flip(second.offset + 40, 3);
      assert.throws(() => spool.read(second), { name: "DamagedError" });
      assert.equal(spool.get(second.epoch, second.firstSeq), undefined);
      assert.deepEqual(reports, [["corrupt", { path, offset: second.offset, length: second.length + 12, events: 1 }]]);
      assert.deepEqual(spool.takeEvicted(), [{ epoch: second.epoch, firstSeq: 1n, count: 1 }]);
      const { events, evictedEvents, appendedEvents } = spool.counters();
      assert.deepEqual([events, evictedEvents, appendedEvents], [1, 1, 2]);
      assert.equal(spool.read(first).length, first.length);
      assert.equal(spool.quarantined().damaged, 1);
    });
  });
});

describe("folders that the agent makes", () => {
  it("survive a loss of power with all that is synced in them", async () => {
    await as(() => {
      for (let seed = 0; seed < 20; seed++) {
        const spool = open();
        append(spool);
        disk.losePower();
        assert.equal([...open().blocks].length, seed + 1);
      }
    });
  });
});
