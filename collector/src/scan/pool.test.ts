import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { compileFilter } from "@hosttrail/lib/predicate";
import { arrivalOf, MemoryHistory } from "../history/fixture.ts";
import { History } from "../history/index.ts";
import { DAY, dayRange, sourceOf } from "./fixture.ts";
import { type Lender, scan, ScanPool, ScanReport, type ScanRequest, type ScanSource, scanSource } from "./index.ts";
import { matchesIn } from "./match.ts";

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

async function idsOf(
  source: ScanSource,
  text: string,
  report = new ScanReport(),
  changes: Partial<ScanRequest> = {},
): Promise<string[]> {
  const request: ScanRequest = {
    filter: compileFilter(text),
    hosts: undefined,
    startNano: 100n,
    endNano: DAY,
    order: "any",
    budget: { timeMs: 1e9, bytes: 1e12, events: 1e12 },
    signal: new AbortController().signal,
    ...changes,
  };
  const ids: string[] = [];
  for await (const { events, matches } of scan(source, request, report)) {
    // What the events say comes from the thread, too.
    for (const index of matches) assert.ok(text === "" || events.event(index).event?.action !== "other");
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

/** A large scan: so many hosts with a segment each, read by one thread. */
const MANY = 60;
const HALF = 1050;

describe("units that other processes read", () => {
  const pool = new ScanPool(1);
  const memory = new MemoryHistory(
    [],
    Array.from({ length: MANY * 2 }, (_, block) => {
      const host = block >> 1;
      const about = {
        hostId: host.toString(16).padStart(32, "0"),
        firstSeq: BigInt((block % 2) * HALF),
        place: "00000000",
      };
      const events = Array.from({ length: HALF }, (_each, index) => ({
        timeUnixNano: BigInt(index % 1000),
        action: index === 5 && block % 8 === 0 ? "rare" : "other",
      }));
      return arrivalOf(about, events);
    }),
  );
  before(async () => {
    pool.start();
    while (!pool.isReady) await sleep(10);
  });
  after(() => pool.close());

  /** Reads what it is lent by a history of its own, up to so many at once. */
  function lenderOf(unitsMax: number): { lender: Lender; lent: string[] } {
    const own = new History(memory);
    const lent: string[] = [];
    const lender = {
      unitsMax,
      waiting() {
        for (const each of pool.lend(unitsMax)) {
          const { job } = each;
          lent.push(job.unit.id);
          if (lent.length % 5 === 0) each.giveBack();
          else
            void own.open(job.unit).then(({ events }) => {
              const matches = matchesIn(events, { ...job, filter: compileFilter(job.filter) }, job.unit);
              each.settle({ matches: Uint32Array.from(matches), reduced: undefined, readMs: 1, openMs: 1, matchMs: 1 });
            });
        }
      },
    };
    return { lender, lent };
  }

  async function idsAnd(text: string, lender: Lender | undefined): Promise<{ ids: string[]; report: ScanReport }> {
    pool.lender = lender;
    const report = new ScanReport();
    const ids = await idsOf(scanSource(new History(memory), dayRange, pool), text, report, { startNano: 0n });
    return { ids, report };
  }

  it("have what is found without them, once the scan is large and few of its parts have matches", async () => {
    // No sieve rules out what must not be there.
    const text = "NOT event.action = other";
    const expected = await idsAnd(text, undefined);
    assert.equal(expected.ids.length, MANY / 4);
    const { lender, lent } = lenderOf(8);
    const { ids, report } = await idsAnd(text, lender);
    assert.deepEqual(ids, expected.ids);
    const read = report.steps.get("peer")?.times ?? 0;
    assert.ok(lent.length > 10 && lent.length <= MANY - 16, `${lent.length} of ${MANY} were lent`);
    assert.equal(read, lent.length - Math.floor(lent.length / 5));
    assert.deepEqual(
      [report.scanned, report.matched, report.bytes, report.left],
      [expected.report.scanned, expected.report.matched, expected.report.bytes, expected.report.left],
    );
  });

  it("are none where most parts have matches, since these are opened by whoever answers", async () => {
    const { lender, lent } = lenderOf(8);
    const { ids } = await idsAnd("", lender);
    assert.deepEqual([ids.length, lent], [MANY * 2 * HALF, []]);
  });

  it("are none of a small scan", async () => {
    const { lender, lent } = lenderOf(8);
    pool.lender = lender;
    const hosts = new Set(Array.from({ length: 12 }, (_, host) => host.toString(16).padStart(32, "0")));
    const source = scanSource(new History(memory), dayRange, pool);
    assert.equal(
      (await idsOf(source, "NOT event.action = other", new ScanReport(), { hosts, startNano: 0n })).length,
      3,
    );
    assert.deepEqual(lent, []);
  });
});
