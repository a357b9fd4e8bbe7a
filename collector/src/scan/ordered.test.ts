import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileFilter } from "@hosttrail/lib/predicate";
import fc from "fast-check";
import { arrivalOf, MemoryHistory } from "../history/fixture.ts";
import { DAY, lyingBlocks, memoryOf, naiveIds, sourceOf } from "./fixture.ts";
import {
  type EventsRequest,
  eventsInOrder,
  type Position,
  ScanReport,
  type ScanSource,
  ScanTooWideError,
  Spending,
} from "./index.ts";

const PLENTY = { timeMs: 1e9, bytes: 1e12, events: 1e12 };

function requestOf(changes: Partial<EventsRequest> = {}): EventsRequest {
  return {
    filter: compileFilter(""),
    hosts: undefined,
    startNano: 0n,
    endNano: 10n * DAY,
    order: "descending",
    after: undefined,
    eventsMax: 1000,
    signal: new AbortController().signal,
    ...changes,
  };
}

interface Page {
  ids: string[];
  next: Position | undefined;
}

/** As much as one call gives. */
async function pageOf(source: ScanSource, request: EventsRequest, events: number, report: ScanReport): Promise<Page> {
  const ids: string[] = [];
  const found = eventsInOrder(source, request, new Spending({ ...PLENTY, events }), report);
  for (;;) {
    const { value, done } = await found.next();
    if (done === true) return { ids, next: value };
    ids.push(...value.map((each) => each.id()));
  }
}

async function allOf(source: ScanSource, request: EventsRequest, events: number): Promise<string[]> {
  const ids: string[] = [];
  let after: Position | undefined;
  for (let calls = 0; calls < 500; calls++) {
    const report = new ScanReport();
    const page = await pageOf(source, { ...request, after }, events, report);
    ids.push(...page.ids);
    assert.equal(page.next === undefined, report.untilNano === undefined, "it says where it ended");
    if (page.next === undefined) return ids;
    after = page.next;
  }
  return assert.fail("an answer without end");
}

describe("eventsInOrder", () => {
  it("gives each event once and in its order, whatever the budget, and however few are kept", async () => {
    const about = fc.record({
      blocks: lyingBlocks,
      startNano: fc.bigInt(0n, 2n * DAY),
      length: fc.bigInt(0n, 4n * DAY),
      text: fc.constantFrom("", "event.action = third", "process.command_line : rue"),
      order: fc.constantFrom("ascending" as const, "descending" as const),
      eventsMax: fc.integer({ min: 1, max: 9 }),
      budget: fc.integer({ min: 1, max: 60 }),
      blocksMax: fc.integer({ min: 3, max: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(about, async ({ blocks, startNano, length, text, budget, blocksMax, ...rest }) => {
        const range = { startNano, endNano: startNano + length };
        let ids: string[];
        try {
          const request = requestOf({ ...rest, ...range, filter: compileFilter(text) });
          ids = await allOf(sourceOf(memoryOf(blocks), blocksMax), request, budget);
        } catch (error) {
          assert.ok(error instanceof ScanTooWideError, String(error));
          return;
        }
        const naive = naiveIds(
          blocks.map(({ block }) => block),
          { ...range, text, hosts: undefined },
        );
        assert.deepEqual(ids, rest.order === "ascending" ? naive : naive.reverse());
      }),
      { numRuns: 500 },
    );
  });

  it("begins with what is certain before all is read", async () => {
    const blocks = Array.from({ length: 50 }, (_, at) =>
      arrivalOf({ hostId: "a".repeat(32), firstSeq: BigInt(at), place: "00000000" }, [
        { timeUnixNano: BigInt(at * 10), action: "one" },
      ]),
    );
    const source = sourceOf(new MemoryHistory(blocks, []));
    let reads = 0;
    const counting: ScanSource = { ...source, read: (unit, job) => (reads++, source.read(unit, job)) };
    for (const order of ["ascending", "descending"] as const) {
      reads = 0;
      for await (const _ of eventsInOrder(counting, requestOf({ order }), new Spending(PLENTY), new ScanReport()))
        break;
      assert.ok(reads <= 4, `${reads} of 50 units were read`);
    }
  });

  it("looks at all that lies at one moment though it is more than it may, and refuses where it is much more", async () => {
    const hosts = Array.from({ length: 30 }, (_, at) => at.toString(16).padStart(2, "0").repeat(16));
    const blocks = hosts.map((hostId) =>
      arrivalOf({ hostId, firstSeq: 0n, place: "00000000" }, [{ timeUnixNano: 9n, action: "same" }]),
    );
    const source = sourceOf(new MemoryHistory(blocks, []));
    for (const order of ["ascending", "descending"] as const) {
      const request = requestOf({ order, startNano: 9n, endNano: 10n });
      assert.equal((await allOf(source, request, 10)).length, 30);
      await assert.rejects(allOf(source, request, 2), ScanTooWideError);
    }
  });
});
