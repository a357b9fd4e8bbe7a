import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RuleSet } from "@hosttrail/lib/detect";
import { readRules } from "@hosttrail/lib/sigma";
import fc from "fast-check";
import { arrivalOf, MemoryHistory } from "../history/fixture.ts";
import { History, MovedError } from "../history/index.ts";
import { type Arrival, OUTSIDE, RetryableError } from "../model/index.ts";
import { ScanTooWideError } from "../scan/index.ts";
import { hunt, type HuntFinding, type HuntRequest, type HuntSource } from "./index.ts";

const DAY = 1000n;
const EVERYTHING = { hosts: undefined, startNano: 0n, endNano: 10n * DAY };

/** Rules for the events of arrivalOf, whose action is the last argument. */
function rulesFor(...parts: string[]): RuleSet {
  const files = parts.map((part) => ({
    path: `${part}.yml`,
    text: `title: ${part}\nlogsource: {product: linux, category: process_creation}\ndetection: {sel: {CommandLine|contains: ${part}}, condition: sel}\n`,
  }));
  const { rules, rejected } = readRules(files);
  assert.deepEqual(rejected, []);
  return new RuleSet(rules.flatMap((rule) => (rule.kind === "detection" ? [rule] : [])));
}

type Sealed = Arrival & { times: readonly bigint[] };

/** Of events that say what was executed. */
function seal(hostDigit: string, firstSeq: bigint, times: readonly bigint[], place?: string): Sealed {
  const day = String((times[0] ?? 0n) / DAY).padStart(8, "0");
  const events = times.map((timeUnixNano) => ({
    timeUnixNano,
    action: "executed",
    args: [timeUnixNano % 3n === 0n ? "Third-one" : "other", String(timeUnixNano)],
  }));
  return { ...arrivalOf({ hostId: hostDigit.repeat(32), firstSeq, place: place ?? day }, events), times };
}

/** History with days of 1,000 ns, of which so many arrivals are read at once. */
function huntable(memory: MemoryHistory, blocksMax = 1000): HuntSource {
  const history = new History({
    days: () => memory.days(),
    arrivals: (query, bounds) => memory.arrivals(query, { ...bounds, blocksMax }),
    arrivalHashes: (ids) => memory.arrivalHashes(ids),
    catalogs: (place, hosts) => memory.catalogs(place, hosts),
    payload: (place, id) => memory.payload(place, id),
    sieve: (place, id) => memory.sieve(place, id),
  });
  return {
    begin: (query) => history.begin(query),
    mayMatch: (unit, question) => history.mayMatch(unit, question),
    open: (unit) => history.open(unit),
    dayRange: (day) => ({ startNano: BigInt(day) * DAY, endNano: (BigInt(day) + 1n) * DAY }),
  };
}

async function findings(
  source: HuntSource,
  request: Omit<HuntRequest, "signal">,
  watch?: (looked: { events: number; isOpened: boolean }) => void,
): Promise<HuntFinding[]> {
  const found: HuntFinding[] = [];
  for await (const each of hunt(source, { ...request, signal: new AbortController().signal }, watch)) found.push(each);
  return found;
}

/** What matched: rule and event. */
function matchesOf(found: readonly HuntFinding[]): string[] {
  return found
    .flatMap((each) =>
      each.kind === "matches"
        ? each.matches.map(({ rule, event }) => `${rule.title} ${each.events.eventId(event)}`)
        : [],
    )
    .sort();
}

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

describe("hunt", () => {
  it("finds each event of the time range and the hosts once, wherever it lies and however little is read at once", async () => {
    const request = fc.record({
      blocks,
      start: fc.bigInt(0n, 4n * DAY),
      length: fc.bigInt(0n, 4n * DAY),
      hosts: fc.option(fc.uniqueArray(fc.constantFrom("a", "b", "d"))),
      blocksMax: fc.integer({ min: 2, max: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ blocks: list, start, length, hosts, blocksMax }) => {
        const memory = new MemoryHistory(
          list.filter(({ lies }) => lies !== "merged").map(({ block }) => block),
          list.filter(({ lies }) => lies !== "waiting").map(({ block }) => block),
        );
        const scope = hosts === null ? undefined : new Set(hosts.map((digit) => digit.repeat(32)));
        const range = { hosts: scope, startNano: start, endNano: start + length };
        const rules = rulesFor("third", "other");
        const source = huntable(memory, blocksMax);
        let found: HuntFinding[];
        try {
          found = await findings(source, { ...range, rules });
        } catch (error) {
          // Blocks of one moment that are more than are read at once.
          assert.ok(error instanceof ScanTooWideError, String(error));
          return;
        }
        const expected = list.flatMap(({ block }) => {
          if (scope?.has(block.hostId) === false) return [];
          return Array.from({ length: block.count }, (_, at) => ({
            id: block.id.slice(0, -16) + (block.firstSeq + BigInt(at)).toString(16).padStart(16, "0"),
            timeNano: block.times[at] ?? 0n,
          }))
            .filter(({ timeNano }) => timeNano >= range.startNano && timeNano < range.endNano)
            .map(({ id, timeNano }) => `${timeNano % 3n === 0n ? "third" : "other"} ${id}`);
        });
        assert.deepEqual(matchesOf(found), expected.sort());
        const open = { ...source, mayMatch: async () => true };
        assert.deepEqual(matchesOf(await findings(open, { ...range, rules })), matchesOf(found));
      }),
      { numRuns: 300 },
    );
  });

  it("opens no segment in which nothing can match", async () => {
    const memory = new MemoryHistory([], [seal("a", 0n, [1n, 2n]), seal("b", 0n, [3n, 4n])]);
    const looked: { events: number; isOpened: boolean }[] = [];
    const found = await findings(huntable(memory), { ...EVERYTHING, rules: rulesFor("third") }, (part) =>
      looked.push(part),
    );
    assert.deepEqual(matchesOf(found), [`third ${"b".repeat(32)}-0000000000000001-0000000000000000`]);
    assert.deepEqual(
      looked.map(({ isOpened }) => isOpened),
      [true, false],
    );
  });

  it("follows what is put elsewhere while it reads, and gives nothing twice", async () => {
    const list = [seal("a", 0n, [3n, 4n]), seal("a", 10n, [6n, 7n])];
    const memory = new MemoryHistory([], list);
    const source = huntable(memory);
    let opened = 0;
    const moving: HuntSource = {
      ...source,
      open: async (unit) => {
        if (opened++ === 0) {
          // Another id, and with what came later.
          const now = new MemoryHistory([], [seal("b", 0n, [1n]), ...list, seal("a", 20n, [9n, 10n])]);
          for (const part of ["payloads", "sieves"] as const) {
            memory[part].clear();
            for (const [key, bytes] of now[part]) memory[part].set(key, bytes);
          }
          memory.kept.splice(0, memory.kept.length, ...now.kept);
        }
        return await source.open(unit);
      },
    };
    const found = await findings(moving, { ...EVERYTHING, rules: rulesFor("third") });
    assert.equal(opened, 2);
    const ids = ["0000000000000000", "000000000000000a"].map(
      (seq) => `third ${"a".repeat(32)}-0000000000000001-${seq}`,
    );
    assert.deepEqual(matchesOf(found), ids);
  });

  it("says what cannot be read, and goes on", async () => {
    const memory = new MemoryHistory([], [seal("a", 0n, [3n]), seal("b", 0n, [6n])]);
    const [key] = [...memory.payloads.keys()];
    const bytes = memory.payloads.get(key ?? "");
    assert.ok(key !== undefined && bytes !== undefined);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    const found = await findings(huntable(memory), { ...EVERYTHING, rules: rulesFor("third") });
    assert.deepEqual(found.map(({ kind }) => kind).sort(), ["matches", "unreadable"]);
    const [damaged] = found.filter((each) => each.kind === "unreadable");
    assert.match(damaged?.reason ?? "", /not those that were stored/);
    assert.equal(damaged?.unit.hostId, "a".repeat(32));
    // One that is not there at all, though it is listed.
    memory.payloads.delete(key);
    const missing = await findings(huntable(memory), { ...EVERYTHING, rules: rulesFor("third") });
    assert.deepEqual(missing.map(({ kind }) => kind).sort(), ["matches", "unreadable"]);
  });

  it("says of a unit whose day was removed that it is gone, and gives up where one is moved for ever", async () => {
    const memory = new MemoryHistory([], [seal("a", 0n, [3n])]);
    const source = huntable(memory);
    const request = { ...EVERYTHING, rules: rulesFor("third") };
    const moved: HuntSource = { ...source, open: async () => await Promise.reject(new MovedError("elsewhere")) };
    await assert.rejects(findings(moved, request), RetryableError);
    const removing: HuntSource = {
      ...source,
      open: async (unit) => {
        memory.kept.length = 0;
        memory.payloads.clear();
        return await source.open(unit);
      },
    };
    const [gone, ...rest] = await findings(removing, request);
    assert.deepEqual(rest, []);
    assert.match(gone?.kind === "unreadable" ? gone.reason : "", /^00000000 a+-0 is no longer kept$/);
  });

  it("ends early when it is told to", async () => {
    const memory = new MemoryHistory([], [seal("a", 0n, [3n]), seal("b", 0n, [6n]), seal("c", 0n, [9n])]);
    const ending = new AbortController();
    let found = 0;
    for await (const _ of hunt(huntable(memory), { ...EVERYTHING, rules: rulesFor("third"), signal: ending.signal })) {
      found++;
      ending.abort();
    }
    assert.equal(found, 1);
  });
});
