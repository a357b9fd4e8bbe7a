import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileFilter } from "@hosttrail/lib/predicate";
import type { Event } from "@hosttrail/proto/event";
import fc from "fast-check";
import { arrivalOf, MemoryHistory } from "../history/fixture.ts";
import { History, openPayload, unitOfArrival } from "../history/index.ts";
import { type Arrival, OUTSIDE } from "../model/index.ts";
import { searchEvents, type SearchResult, type SearchSource, SearchTooWideError } from "./search.ts";
import { decodeToken, encodeToken, TokenError } from "../serve/index.ts";
import { decodePosition, encodePosition, type Position } from "./token.ts";

const DAY = 1000n;

/** History with days of 1,000 ns. */
function searchable(source: MemoryHistory): SearchSource {
  const history = new History(source);
  return {
    begin: (query) => history.begin(query),
    mayMatch: (unit, filter) => history.mayMatch(unit, filter),
    open: (unit) => history.open(unit),
    dayRange: (day) => ({ startNano: BigInt(day) * DAY, endNano: (BigInt(day) + 1n) * DAY }),
  };
}

function manyWith(hostId: string): Set<string> {
  return new Set([hostId, ...Array.from({ length: 600 }, (_, at) => at.toString(16).padStart(32, "0"))]);
}

function seal(hostDigit: string, firstSeq: bigint, times: readonly bigint[], place?: string): Arrival {
  const day = String((times[0] ?? 0n) / DAY).padStart(8, "0");
  const events = times.map((timeUnixNano) => ({
    timeUnixNano,
    action: timeUnixNano % 3n === 0n ? "third" : "other",
  }));
  return arrivalOf({ hostId: hostDigit.repeat(32), firstSeq, place: place ?? day }, events);
}

/** Overlapping blocks of several hosts, each within a day or outside of them, as they arrived, in history, or on their way. */
const blocks = fc
  .array(
    fc.record({
      host: fc.constantFrom("a", "b", "c"),
      day: fc.bigInt(0n, 3n),
      offsets: fc.array(fc.bigInt(0n, DAY - 1n), { minLength: 1, maxLength: 5 }),
      lies: fc.constantFrom("waiting", "merged", "both"),
      isOutside: fc.boolean(),
    }),
    { maxLength: 10 },
  )
  .map((list) =>
    list.map(({ host, day, offsets, lies, isOutside }, at) => {
      const times = offsets.map((offset) => day * DAY + offset);
      return { lies, block: seal(host, BigInt(at * 10), times, isOutside && at % 3 === 0 ? OUTSIDE : undefined) };
    }),
  );

async function pageThrough(
  source: SearchSource,
  request: Omit<Parameters<typeof searchEvents>[1], "after">,
  eventsMax: number,
): Promise<{ events: Event[]; calls: number; unreadable: SearchResult["unreadable"] }> {
  const events: Event[] = [];
  const unreadable: SearchResult["unreadable"] = [];
  let after: Position | undefined;
  for (let calls = 1; calls < 500; calls++) {
    const page = await searchEvents(source, { ...request, after }, { eventsMax, opened: () => undefined });
    assert.ok(page.events.length <= request.pageSize);
    events.push(...page.events);
    unreadable.push(...page.unreadable);
    if (page.next === undefined) return { events, calls, unreadable };
    after = decodePosition(encodePosition(page.next));
  }
  return assert.fail("a search without end");
}

describe("searchEvents", () => {
  it("gives every matching event once, newest first, whatever the page size and bound, and wherever it lies", async () => {
    const request = fc.record({
      blocks,
      pageSize: fc.integer({ min: 1, max: 7 }),
      eventsMax: fc.integer({ min: 70, max: 300 }),
      startNano: fc.bigInt(0n, 2n * DAY),
      length: fc.bigInt(0n, 4n * DAY),
      filter: fc.constantFrom("", "event.action = third", "process.command_line : rue"),
      // Few hosts are named in the query; of many, what is of others comes and is passed over.
      hosts: fc.constantFrom(undefined, new Set(["a".repeat(32)]), manyWith("a".repeat(32))),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ blocks: list, length, filter: text, eventsMax, ...rest }) => {
        const filter = compileFilter(text);
        const endNano = rest.startNano + length;
        const of = (...places: string[]): Arrival[] =>
          list.filter(({ lies }) => places.includes(lies)).map(({ block }) => block);
        const source = searchable(new MemoryHistory(of("waiting", "both"), of("merged", "both")));
        const paged = await pageThrough(source, { ...rest, filter, endNano }, eventsMax);
        const whole = await pageThrough(source, { ...rest, filter, endNano, pageSize: 1000 }, 1_000_000);
        assert.deepEqual(
          paged.events.map((event) => event.id),
          whole.events.map((event) => event.id),
        );
        const keys = whole.events.map((event) => [event.event?.timeUnixNano ?? 0n, event.id] as const);
        for (const [at, key] of keys.entries()) {
          const next = keys[at + 1];
          if (next !== undefined) assert.ok(key[0] > next[0] || (key[0] === next[0] && key[1] > next[1]));
        }
        const naive = naiveIds(
          list.map(({ block }) => block),
          text,
          rest.startNano,
          endNano,
          rest.hosts,
        );
        assert.deepEqual(whole.events.map(({ id }) => id).sort(), naive.sort());
      }),
      { numRuns: 300 },
    );
  });

  it("names what is damaged, and answers with the rest", async () => {
    const memory = new MemoryHistory([seal("b", 0n, [7n])], [seal("a", 0n, [5n]), seal("c", 0n, [6n])]);
    const [damaged] = memory.payloads.keys();
    const bytes = Uint8Array.from(memory.payloads.get(damaged ?? "") ?? []);
    bytes[bytes.length - 90] = (bytes.at(-90) ?? 0) ^ 0xff;
    memory.payloads.set(damaged ?? "", bytes);
    const request = { filter: compileFilter(""), hosts: undefined, startNano: 0n, endNano: DAY, pageSize: 9 };
    const { events, unreadable } = await pageThrough(searchable(memory), request, 1000);
    assert.deepEqual(
      events.map((event) => event.host?.id ?? event.id[0]),
      ["b", "c"],
    );
    const [one, ...others] = unreadable;
    assert.equal(others.length, 0);
    assert.equal(one?.unit.hostId, "a".repeat(32));
    assert.match(one?.reason ?? "", new RegExp(`${damaged}, bytes: not those that were stored`));
  });

  it("names a payload that is gone though the catalog lists it", async () => {
    const memory = new MemoryHistory([], [seal("a", 0n, [5n])]);
    memory.payloads.clear();
    const request = { filter: compileFilter(""), hosts: undefined, startNano: 0n, endNano: DAY, pageSize: 9 };
    const { unreadable } = await pageThrough(searchable(memory), request, 1000);
    assert.match(unreadable[0]?.reason ?? "", /its payload is not there/);
  });

  it("answers with what it has when it looked at as many events as it may, and goes on from there", async () => {
    const stored = Array.from({ length: 6 }, (_, at) => seal("a", BigInt(at), [BigInt(at * 10)]));
    const request = { filter: compileFilter(""), hosts: undefined, startNano: 0n, endNano: DAY, pageSize: 100 };
    const { events, calls } = await pageThrough(searchable(new MemoryHistory(stored, [])), request, 130);
    assert.equal(events.length, 6);
    assert.ok(calls >= 3 && calls < 20, `${calls} calls`);
  });

  it("looks at all that ends in one moment though it is more than it may, and refuses where it is much more", async () => {
    const hosts = Array.from({ length: 30 }, (_, at) => at.toString(16).padStart(2, "0").repeat(16));
    const stored = hosts.map((hostId) =>
      arrivalOf({ hostId, firstSeq: 0n, place: "00000000" }, [{ timeUnixNano: 9n, action: "same" }]),
    );
    const request = { filter: compileFilter(""), hosts: undefined, startNano: 0n, endNano: 10n, pageSize: 100 };
    const source = searchable(new MemoryHistory(stored, []));
    const { events } = await pageThrough(source, request, 200);
    assert.equal(events.length, 30);
    await assert.rejects(pageThrough(source, request, 70), SearchTooWideError);
  });

  it("opens nothing of which the sieve says no", async () => {
    const memory = new MemoryHistory([], [seal("a", 0n, [5n]), seal("b", 0n, [6n])]);
    memory.payloads.clear();
    const request = { hosts: undefined, startNano: 0n, endNano: DAY, pageSize: 9 };
    for (const text of ["event.action = never", "process.command_line : never-said"]) {
      const filter = compileFilter(text);
      assert.deepEqual((await pageThrough(searchable(memory), { ...request, filter }, 1000)).unreadable, [], text);
    }
    // A sieve that is not what was written says nothing.
    memory.sieves.set([...memory.sieves.keys()][0] ?? "", new Uint8Array(12));
    const filter = compileFilter("event.action = never");
    assert.equal((await pageThrough(searchable(memory), { ...request, filter }, 1000)).unreadable.length, 1);
  });
});

function naiveIds(
  stored: readonly Arrival[],
  text: string,
  start: bigint,
  end: bigint,
  hosts: ReadonlySet<string> | undefined,
): string[] {
  const ids: string[] = [];
  for (const block of stored) {
    if (hosts?.has(block.hostId) === false) continue;
    const { events } = openPayload(unitOfArrival(block), block.bytes);
    for (const { id, event } of events.events()) {
      const time = event?.timeUnixNano ?? 0n;
      const isWanted = text !== "event.action = third" || event?.action === "third";
      if (time >= start && time < end && isWanted) ids.push(id);
    }
  }
  return ids;
}

describe("a page token", () => {
  it("is refused when it is none, or belongs to another request", () => {
    const token = encodeToken("print", "1 a");
    assert.equal(decodeToken(token, "print"), "1 a");
    assert.throws(() => decodeToken(token, "other"), /belongs to a request with other fields/);
    for (const wrong of ["x", "", "e30", Buffer.from("[1]").toString("base64url")]) {
      assert.throws(() => decodeToken(wrong, "print"), TokenError);
    }
    assert.throws(() => decodePosition("1; drop"), TokenError);
  });
});
