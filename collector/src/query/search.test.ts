import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ServiceError } from "@grpc/grpc-js";
import { openLogger } from "@hosttrail/lib/log";
import { compileFilter } from "@hosttrail/lib/predicate";
import { ExplainSearchRequest, SearchEventsRequest } from "@hosttrail/proto/query";
import type { Event } from "@hosttrail/proto/event";
import fc from "fast-check";
import { HostSelection } from "../ask/index.ts";
import { MemoryHistory } from "../history/fixture.ts";
import { DAY, lyingBlocks, memoryOf, naiveIds, sealed, sourceOf } from "../scan/fixture.ts";
import type { ScanSource } from "../scan/index.ts";
import { PageTokens, TokenError, type Visit } from "../serve/index.ts";
import { explainSearch } from "./explain.ts";
import { Searches, type SearchParts } from "./search.ts";
import { decodePosition } from "./token.ts";

const MOST = { timeMs: 1e6, bytes: 1e12, events: 1e12 };
const [A, B] = ["a", "b"].map((digit) => digit.repeat(32)) as [string, string];

function visitOf(hosts?: Set<string>, name = "somebody"): Visit {
  const identity = { subjects: [name], endMs: Infinity };
  return { caller: { name, role: "viewer", scope: hosts === undefined ? {} : { team: "own" }, identity }, hosts };
}

function partsOf(source: ScanSource, events: number = MOST.events): SearchParts {
  const names = { listNames: async () => [], hostsWithin: async () => [], hostsWithLabel: async () => [] };
  return {
    source,
    tokens: new PageTokens(async () => new Uint8Array(32).fill(1)),
    finder: new HostSelection(names),
    most: { ...MOST, events },
    logger: openLogger("test", "error"),
  };
}

function timeOf(nano: bigint): { seconds: bigint; nanos: number } {
  return { seconds: nano / 1_000_000_000n, nanos: Number(nano % 1_000_000_000n) };
}

async function pages(
  parts: SearchParts,
  request: Partial<SearchEventsRequest>,
  visit = visitOf(),
): Promise<{ events: Event[]; reasons: Set<string>; calls: number }> {
  const events: Event[] = [];
  const reasons = new Set<string>();
  let pageToken = "";
  for (let calls = 1; calls < 500; calls++) {
    const asked = SearchEventsRequest.fromPartial({ ...request, pageToken });
    const { response } = await new Searches(parts).page(asked, visit, new AbortController().signal);
    assert.ok(response.events.length <= (request.pageSize ?? 100));
    events.push(...response.events);
    for (const reason of response.completeness?.reasons ?? []) reasons.add(reason);
    pageToken = response.nextPageToken;
    if (pageToken === "") return { events, reasons, calls };
  }
  return assert.fail("a search without end");
}

describe("pages of a search", () => {
  it("have every matching event once and in order, whatever their size, the budget and the order, and wherever it lies", async () => {
    const about = fc.record({
      blocks: lyingBlocks,
      pageSize: fc.integer({ min: 1, max: 7 }),
      budget: fc.integer({ min: 5, max: 60 }),
      startNano: fc.bigInt(0n, 2n * DAY),
      length: fc.bigInt(0n, 4n * DAY),
      text: fc.constantFrom("", "event.action = third", "process.command_line : rue"),
      orderBy: fc.constantFrom("", "time"),
      scope: fc.constantFrom(undefined, new Set([A])),
    });
    await fc.assert(
      fc.asyncProperty(about, async ({ blocks, budget, startNano, length, text, scope, ...rest }) => {
        const endNano = startNano + length;
        const range = { startTime: timeOf(startNano), endTime: timeOf(endNano), filter: text };
        const { events } = await pages(
          partsOf(sourceOf(memoryOf(blocks)), budget),
          { ...range, ...rest },
          visitOf(scope),
        );
        const naive = naiveIds(
          blocks.map(({ block }) => block),
          { startNano, endNano, text, hosts: scope },
        );
        assert.deepEqual(
          events.map(({ id }) => id),
          rest.orderBy === "time" ? naive : naive.reverse(),
        );
      }),
      { numRuns: 200 },
    );
  });

  it("say why they end, and what is damaged", async () => {
    const memory = new MemoryHistory([sealed("b", 0n, [7n])], [sealed("a", 0n, [5n]), sealed("c", 0n, [6n])]);
    memory.payloads.delete([...memory.payloads.keys()][0] ?? "");
    const range = { startTime: timeOf(0n), endTime: timeOf(DAY) };
    const { events, reasons } = await pages(partsOf(sourceOf(memory)), { ...range, pageSize: 1 });
    assert.equal(events.length, 2);
    assert.deepEqual([...reasons].sort(), ["limit", "unreadable"]);
  });

  it("go on for the same caller with the same request only", async () => {
    const blocks = [5n, 6n].map((time, at) => sealed("a", BigInt(at), [time]));
    const searches = new Searches(partsOf(sourceOf(new MemoryHistory(blocks, []))));
    const ask = (changes: Partial<SearchEventsRequest>, visit = visitOf()) =>
      searches.page(SearchEventsRequest.fromPartial({ pageSize: 1, ...changes }), visit, new AbortController().signal);
    const { response } = await ask({});
    const pageToken = response.nextPageToken;
    assert.equal((await ask({ pageToken })).response.events.length, 1);
    const others: [Partial<SearchEventsRequest>, Visit?][] = [
      [{ filter: "event.action = third" }],
      [{ orderBy: "time" }],
      [{ hostId: A }],
      [{ hosts: { hostIds: [], names: [], instanceIds: [], labels: [] } }],
      [{ startTime: timeOf(1n) }],
      [{}, visitOf(undefined, "another")],
      [{}, visitOf(new Set([A]))],
    ];
    for (const [changes, visit] of others)
      await assert.rejects(ask({ ...changes, pageToken }, visit), /belongs to a request/);
    // How much a page may take can change from one to the next.
    assert.equal((await ask({ pageToken, pageSize: 2 })).response.events.length, 1);
    await assert.rejects(ask({ pageToken: `${pageToken.slice(0, -4)}AAAA` }), TokenError);
    assert.throws(() => decodePosition("1; drop"), TokenError);
  });

  it("end when the caller goes away", async () => {
    const blocks = Array.from({ length: 30 }, (_, at) => sealed("a", BigInt(at), [BigInt(at)]));
    const source = sourceOf(new MemoryHistory(blocks, []));
    const leaving = new AbortController();
    let reads = 0;
    const counting: ScanSource = {
      ...source,
      read: async (unit, job) => {
        if (++reads === 3) leaving.abort();
        return await source.read(unit, job);
      },
    };
    const asked = new Searches(partsOf(counting)).page(SearchEventsRequest.fromPartial({}), visitOf(), leaving.signal);
    await assert.rejects(asked, (error: ServiceError) => /the caller ended the call/.test(error.details));
    assert.ok(reads < 12, `${reads} of 30 were read`);
  });
});

describe("the explanation of a search", () => {
  const blocks = [
    sealed("a", 0n, [5n, 6n]),
    sealed("a", 10n, [700n]),
    sealed("b", 0n, [5n]),
    sealed("c", 0n, [9n, 12n]),
  ];
  const explain = (changes: Partial<ExplainSearchRequest>, visit = visitOf(), memory = new MemoryHistory([], blocks)) =>
    explainSearch(
      partsOf(sourceOf(memory)),
      ExplainSearchRequest.fromPartial({ startTime: timeOf(0n), endTime: timeOf(100n), ...changes }),
      visit,
      new AbortController().signal,
    );
  const prunedOf = ({ response }: Awaited<ReturnType<typeof explain>>): string[] =>
    response.pruned.map(({ by, segments, events }) => `${by} ${segments} ${events}`);

  it("says what is left out by what, without opening anything", async () => {
    const memory = new MemoryHistory([], blocks);
    memory.payloads.clear();
    const explained = await explain({ filter: "event.action = third", hostId: A }, visitOf(), memory);
    assert.deepEqual(prunedOf(explained), ["host 2 3", "time 0 0", "sieve 0 0"]);
    assert.equal(explained.response.parsedFilter, compileFilter("event.action = third").text);
    assert.deepEqual(explained.response.fields, ["event.action"]);
    const never = await explain({ filter: "event.action = never" }, visitOf(), memory);
    assert.deepEqual(prunedOf(never), ["host 0 0", "time 0 0", "sieve 3 6"]);
    const later = await explain({ startTime: timeOf(50n) }, visitOf(), memory);
    assert.deepEqual(prunedOf(later), ["host 0 0", "time 2 3", "sieve 0 0"]);
  });

  it("tells of no host that the caller may not see", async () => {
    const explained = await explain({ filter: "event.action = third" }, visitOf(new Set([B])));
    assert.deepEqual(prunedOf(explained), ["host 0 0", "time 0 0", "sieve 1 1"]);
    assert.equal(explained.response.completeness?.left?.segments, 0n);
  });

  it("says with its run what was looked at, what matched, and how long each step took", async () => {
    const { response } = await explain({ filter: "event.action = third", analyze: true });
    const { completeness, steps } = response;
    assert.deepEqual(
      [
        completeness?.complete,
        completeness?.scanned?.segments,
        completeness?.eventsMatched,
        completeness?.pruned?.segments,
      ],
      [true, 2n, 3n, 1n],
    );
    assert.deepEqual(steps.map(({ step }) => step).sort(), ["catalog", "match", "open", "sieve"]);
  });
});
