import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { compileFilter } from "@hosttrail/lib/predicate";
import { arrivalOf, MemoryHistory } from "../history/fixture.ts";
import { History } from "../history/index.ts";
import { DAY, dayRange, sourceOf } from "./fixture.ts";
import { scan, ScanPool, ScanReport, type ScanRequest, type ScanSource, scanSource } from "./index.ts";

const BLOCKS = 3;
const BLOCK_EVENTS = 1500;
const HOSTS = ["a", "b", "c"].map((digit) => digit.repeat(32));

/** One segment a host, large enough for a thread. */
function memoryOf(): MemoryHistory {
  const blocks = HOSTS.flatMap((hostId) =>
    Array.from({ length: BLOCKS }, (_, at) =>
      arrivalOf(
        { hostId, firstSeq: BigInt(at * BLOCK_EVENTS), place: "00000000" },
        Array.from({ length: BLOCK_EVENTS }, (_each, index) => ({
          timeUnixNano: BigInt((at * BLOCK_EVENTS + index) % 1000),
          action: index % 7 === 0 ? "seventh" : "other",
        })),
      ),
    ),
  );
  return new MemoryHistory([], blocks);
}

async function idsOf(source: ScanSource, text: string, report = new ScanReport()): Promise<string[]> {
  const request: ScanRequest = {
    filter: compileFilter(text),
    hosts: undefined,
    startNano: 100n,
    endNano: DAY,
    order: "any",
    budget: { timeMs: 1e9, bytes: 1e12, events: 1e12 },
    signal: new AbortController().signal,
  };
  const ids: string[] = [];
  for await (const { events, matches } of scan(source, request, report)) {
    // What the events say comes from the thread, too.
    for (const index of matches) assert.ok(text === "" || events.event(index).event?.action === "seventh");
    ids.push(...matches.map((index) => events.eventId(index)));
  }
  return ids.sort();
}

describe("threads that scan", () => {
  const pool = new ScanPool(2);
  before(async () => {
    pool.start();
    while (!pool.isReady) await sleep(10);
  });
  after(() => pool.close());

  it("find what is found without them", async () => {
    const memory = memoryOf();
    for (const text of ["event.action = seventh", "", "event.action = seventh AND process.command_line : oth"]) {
      const report = new ScanReport();
      const found = await idsOf(scanSource(new History(memory), dayRange, pool), text, report);
      assert.deepEqual(found, await idsOf(sourceOf(memory), text));
      assert.equal(report.steps.get("read")?.times, HOSTS.length);
      assert.deepEqual([...report.lacks], []);
    }
  });

  it("remember what matched, and read it no second time", async () => {
    const source = scanSource(new History(memoryOf()), dayRange, pool);
    const first = await idsOf(source, "event.action = seventh");
    const report = new ScanReport();
    assert.deepEqual(await idsOf(source, "event.action = seventh", report), first);
    assert.deepEqual([report.steps.has("read"), report.bytes], [false, 0]);
  });

  it("name what is damaged, and find the rest", async () => {
    const memory = memoryOf();
    const [damaged = ""] = memory.payloads.keys();
    const bytes = Uint8Array.from(memory.payloads.get(damaged) ?? []);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    memory.payloads.set(damaged, bytes);
    const report = new ScanReport();
    const found = await idsOf(scanSource(new History(memory), dayRange, pool), "event.action = seventh", report);
    assert.deepEqual(new Set(found.map((id) => id.slice(0, 32))), new Set(HOSTS.slice(1)));
    assert.match(report.unreadable[0]?.reason ?? "", /bytes: not those that were stored: SHA-256/);
  });

  it("leave the process to others meanwhile, and end with it", async () => {
    const own = new ScanPool(1);
    own.start();
    while (!own.isReady) await sleep(10);
    const source = scanSource(new History(memoryOf()), dayRange, own);
    const asked = idsOf(source, "event.action = seventh");
    await own.close();
    await assert.rejects(asked, /the thread ended/);
    assert.equal(own.isReady, false);
  });
});
