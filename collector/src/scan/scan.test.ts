import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileFilter } from "@hosttrail/lib/predicate";
import fc from "fast-check";
import { MemoryHistory } from "../history/fixture.ts";
import { MovedError } from "../history/index.ts";
import { RetryableError } from "../model/index.ts";
import { DAY, lyingBlocks, memoryOf, naiveIds, sealed, sourceOf } from "./fixture.ts";
import { completenessOf, scan, ScanReport, type ScanRequest, type ScanSource, ScanTooWideError } from "./index.ts";

const PLENTY = { timeMs: 1e9, bytes: 1e12, events: 1e12 };

function requestOf(changes: Partial<ScanRequest> = {}): ScanRequest {
  return {
    filter: compileFilter(""),
    hosts: undefined,
    startNano: 0n,
    endNano: 10n * DAY,
    order: "any",
    budget: PLENTY,
    signal: new AbortController().signal,
    ...changes,
  };
}

async function idsOf(source: ScanSource, request: ScanRequest, report = new ScanReport()): Promise<string[]> {
  const ids: string[] = [];
  for await (const { events, matches } of scan(source, request, report))
    ids.push(...matches.map((index) => events.eventId(index)));
  return ids;
}

describe("scan", () => {
  it("gives every event of the range, the hosts and the filter once, in every order, wherever it lies and however little is read at once", async () => {
    const about = fc.record({
      blocks: lyingBlocks,
      startNano: fc.bigInt(0n, 4n * DAY),
      length: fc.bigInt(0n, 4n * DAY),
      hosts: fc.option(fc.uniqueArray(fc.constantFrom("a", "b", "d"))),
      text: fc.constantFrom("", "event.action = third", "process.command_line : rue"),
      order: fc.constantFrom("any" as const, "ascending" as const, "descending" as const),
      blocksMax: fc.integer({ min: 2, max: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(about, async ({ blocks, startNano, length, hosts, text, order, blocksMax }) => {
        const scope = hosts === null ? undefined : new Set(hosts.map((digit) => digit.repeat(32)));
        const range = { startNano, endNano: startNano + length, hosts: scope };
        const report = new ScanReport();
        let ids: string[];
        try {
          const request = requestOf({ ...range, order, filter: compileFilter(text) });
          ids = await idsOf(sourceOf(memoryOf(blocks), blocksMax), request, report);
        } catch (error) {
          // Blocks of one moment that are more than are read at once.
          assert.ok(error instanceof ScanTooWideError, String(error));
          return;
        }
        const naive = naiveIds(
          blocks.map(({ block }) => block),
          { ...range, text },
        );
        assert.deepEqual(ids.sort(), naive.sort());
        assert.deepEqual([report.matched, report.lacks.size, report.left.units], [naive.length, 0, 0]);
      }),
      { numRuns: 300 },
    );
  });

  it("ends at its budget and says up to which time it has looked, in both orders", async () => {
    const blocks = Array.from({ length: 9 }, (_, at) =>
      sealed("a", BigInt(at * 10), [BigInt(at * 10), BigInt(at * 10 + 5)]),
    );
    for (const order of ["ascending", "descending"] as const) {
      const report = new ScanReport();
      const request = requestOf({ order, budget: { ...PLENTY, events: 6 } });
      const ids = await idsOf(sourceOf(new MemoryHistory(blocks, [])), request, report);
      assert.equal(ids.length, 6);
      const { complete, reasons, left, scanned, completeUntilTime } = completenessOf(report);
      assert.deepEqual([complete, reasons, left?.segments, scanned?.segments], [false, ["budget"], 6n, 3n]);
      // Events at 0, 5, 10, 15, 20, 25 and so on.
      assert.equal(completeUntilTime?.nanos, order === "ascending" ? 30 : 55);
    }
  });

  it("names what is damaged or gone, and gives the rest", async () => {
    const memory = new MemoryHistory([sealed("b", 0n, [7n])], [sealed("a", 0n, [5n]), sealed("c", 0n, [6n])]);
    const [damaged = ""] = memory.payloads.keys();
    const bytes = Uint8Array.from(memory.payloads.get(damaged) ?? []);
    bytes[bytes.length - 90] = (bytes.at(-90) ?? 0) ^ 0xff;
    memory.payloads.set(damaged, bytes);
    const report = new ScanReport();
    assert.equal((await idsOf(sourceOf(memory), requestOf(), report)).length, 2);
    const { complete, reasons, unreadable, left } = completenessOf(report);
    assert.deepEqual([complete, reasons, left?.segments], [false, ["unreadable"], 0n]);
    assert.match(unreadable[0]?.reason ?? "", /bytes: not those that were stored/);
    assert.equal(unreadable[0]?.hostId, "a".repeat(32));
  });

  it("tries again what cannot be reached, and answers with what it has where that does not help", async () => {
    const blocks = [5n, 15n, 25n].map((time, at) => sealed("a", BigInt(at), [time]));
    const source = sourceOf(new MemoryHistory(blocks, []));
    let failures = 0;
    const failing = (times: number): ScanSource => ({
      ...source,
      read: async (unit, job) => {
        if (unit.firstTimeNano === 15n && failures++ < times) throw new RetryableError("away", 1);
        return await source.read(unit, job);
      },
    });
    assert.equal((await idsOf(failing(2), requestOf())).length, 3);
    failures = 0;
    const report = new ScanReport();
    assert.equal((await idsOf(failing(99), requestOf(), report)).length, 1);
    assert.deepEqual([[...report.lacks], report.untilNano, report.left.units], [["unreachable"], 15n, 2]);
    failures = 0;
    await assert.rejects(idsOf(failing(99), requestOf({ endNano: 20n })), RetryableError);
  });

  it("reads a unit that others took the place of from those, its own events only", async () => {
    const blocks = [3n, 5n, 8n].map((time, at) => sealed("a", BigInt(at), [time]));
    const memory = new MemoryHistory(blocks, []);
    const merged = new MemoryHistory([], blocks);
    const source = sourceOf(memory);
    const moving: ScanSource = {
      ...source,
      read: async (unit, job) => {
        if (memory.waiting.length > 0 && unit.firstTimeNano === 5n) {
          memory.waiting.length = 0;
          memory.kept.push(...merged.kept);
          for (const [key, bytes] of merged.payloads) memory.payloads.set(key, bytes);
          throw new MovedError("elsewhere");
        }
        return await source.read(unit, job);
      },
    };
    const ids = await idsOf(moving, requestOf());
    assert.equal(ids.length, 3);
    assert.equal(new Set(ids).size, 3);
  });

  it("reads no sieve where none could rule anything out", async () => {
    const asked = async (text: string): Promise<number> => {
      const source = sourceOf(new MemoryHistory([], [sealed("a", 0n, [3n, 4n])]));
      let sieves = 0;
      const counting: ScanSource = {
        ...source,
        mayMatch(unit, question) {
          sieves++;
          return source.mayMatch(unit, question);
        },
      };
      assert.ok((await idsOf(counting, requestOf({ filter: compileFilter(text) }))).length > 0);
      return sieves;
    };
    assert.equal(await asked(""), 0);
    assert.equal(await asked("event.sequence >= 0 AND NOT event.action = nothing"), 0);
    assert.ok((await asked("event.action = third")) > 0);
  });

  it("ends when it is told to, and begins nothing more", async () => {
    const blocks = Array.from({ length: 40 }, (_, at) => sealed("a", BigInt(at), [BigInt(at)]));
    const source = sourceOf(new MemoryHistory(blocks, []));
    let reads = 0;
    const counting: ScanSource = {
      ...source,
      read: async (unit, job) => {
        reads++;
        return await source.read(unit, job);
      },
    };
    const ending = new AbortController();
    let given = 0;
    for await (const _ of scan(counting, requestOf({ signal: ending.signal }))) if (++given === 2) ending.abort();
    assert.ok(given < 5 && reads < 20, `${given} given, ${reads} read`);
    const before = reads;
    for await (const _ of scan(counting, requestOf())) break;
    assert.ok(reads - before <= 2, `${reads - before} read for one`);
  });
});
