import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { compileFilter } from "@hosttrail/lib/filter";
import { Event } from "@hosttrail/proto/event";
import fc from "fast-check";
import { type BlockSource, searchEvents } from "./search.ts";
import { decodePosition, decodeToken, encodePosition, encodeToken, type Position, TokenError } from "./token.ts";

const pem = generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString();
const sign = signerOf(pem);
const DAY = 1000n;

interface Stored {
  id: string;
  hostId: string;
  first: bigint;
  last: bigint;
  bytes: Uint8Array;
}

/** Blocks in memory, with days of 1,000 ns. */
function sourceOf(blocks: readonly Stored[]): BlockSource {
  const dayOf = (time: bigint): string => String(time / DAY);
  return {
    days: async () => [...new Set(blocks.map((block) => dayOf(block.first)))].sort((a, b) => Number(b) - Number(a)),
    dayRange: (day) => ({ startNano: BigInt(day) * DAY, endNano: (BigInt(day) + 1n) * DAY }),
    async *findBlocks({ day, hostIds, startNano, endNano }) {
      const found = blocks
        .filter((block) => dayOf(block.first) === day && (hostIds === undefined || hostIds.includes(block.hostId)))
        .filter((block) => block.first < endNano && block.last >= startNano)
        .sort((a, b) => (a.last === b.last ? (a.id < b.id ? 1 : -1) : a.last < b.last ? 1 : -1));
      for (const { id, last, bytes } of found) yield { id, lastTimeNano: last, bytes };
    },
  };
}

function manyWith(hostId: string): Set<string> {
  return new Set([hostId, ...Array.from({ length: 600 }, (_, at) => at.toString(16).padStart(32, "0"))]);
}

function seal(hostDigit: string, firstSeq: bigint, times: readonly bigint[]): Stored {
  const hostId = hostDigit.repeat(32);
  const events = times.map((timeUnixNano) =>
    Event.fromPartial({ event: { timeUnixNano, action: timeUnixNano % 3n === 0n ? "third" : "other" } }),
  );
  const place = { hostId, epoch: 1n, firstSeq, bootId: "", agentVersion: "1", flags: 0 };
  const { bytes, header } = sealBlock(
    events,
    { ...place, previousHeaderSha256: new Uint8Array(0) },
    nodePrimitives,
    sign,
  );
  return { id: `${hostId}-${firstSeq}`, hostId, first: header.firstTimeUnixNano, last: header.lastTimeUnixNano, bytes };
}

/** Overlapping blocks of several hosts, each within a day. */
const blocks = fc
  .array(
    fc.record({
      host: fc.constantFrom("a", "b", "c"),
      day: fc.bigInt(0n, 3n),
      offsets: fc.array(fc.bigInt(0n, DAY - 1n), { minLength: 1, maxLength: 5 }),
    }),
    { maxLength: 10 },
  )
  .map((list) =>
    list.map(({ host, day, offsets }, at) =>
      seal(
        host,
        BigInt(at * 10),
        offsets.map((offset) => day * DAY + offset),
      ),
    ),
  );

describe("searchEvents", () => {
  it("gives every matching event once, newest first, whatever the page size and bound", async () => {
    const request = fc.record({
      blocks,
      pageSize: fc.integer({ min: 1, max: 7 }),
      blocksMax: fc.integer({ min: 1, max: 4 }),
      startNano: fc.bigInt(0n, 2n * DAY),
      length: fc.bigInt(0n, 4n * DAY),
      filter: fc.constantFrom("", "event.action = third"),
      // Few hosts are named in the query; of many, blocks of others come and are passed over.
      hosts: fc.constantFrom(undefined, new Set(["a".repeat(32)]), manyWith("a".repeat(32))),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ blocks: stored, length, filter: text, blocksMax, ...rest }) => {
        const filter = compileFilter(text);
        const endNano = rest.startNano + length;
        const all = async (pageSize: number, bound: number): Promise<Event[]> => {
          const events: Event[] = [];
          let after: Position | undefined;
          for (let pages = 0; pages < 500; pages++) {
            const bounds = { blocksMax: bound, opened: () => undefined };
            const page = await searchEvents(sourceOf(stored), { ...rest, filter, endNano, pageSize, after }, bounds);
            assert.ok(page.events.length <= pageSize);
            events.push(...page.events);
            if (page.next === undefined) return events;
            after = decodePosition(encodePosition(page.next));
          }
          return assert.fail("a search without end");
        };
        const paged = await all(rest.pageSize, Math.max(blocksMax, 10));
        const whole = await all(1000, 1000);
        assert.deepEqual(
          paged.map((event) => event.id),
          whole.map((event) => event.id),
        );
        const keys = whole.map((event) => [event.event?.timeUnixNano ?? 0n, event.id] as const);
        for (const [at, key] of keys.entries()) {
          const next = keys[at + 1];
          if (next !== undefined) assert.ok(key[0] > next[0] || (key[0] === next[0] && key[1] > next[1]));
        }
        const naive = stored.length === 0 ? [] : await naiveIds(stored, text, rest.startNano, endNano, rest.hosts);
        assert.deepEqual(new Set(whole.map((event) => event.id)), new Set(naive));
      }),
      { numRuns: 150 },
    );
  });

  it("names the stored block that is damaged", async () => {
    const good = seal("a", 0n, [5n]);
    const bytes = Uint8Array.from(good.bytes);
    bytes[bytes.length - 10] = (bytes.at(-10) ?? 0) ^ 0xff;
    const request = { filter: compileFilter(""), hosts: undefined, startNano: 0n, endNano: DAY, pageSize: 9 };
    const bounds = { blocksMax: 9, opened: () => undefined };
    const search = searchEvents(sourceOf([{ ...good, bytes }]), { ...request, after: undefined }, bounds);
    await assert.rejects(search, new RegExp(`block ${good.id}, payload`));
  });

  it("answers with what it has when it opened as many blocks as it may, and goes on from there", async () => {
    const stored = Array.from({ length: 6 }, (_, at) => seal("a", BigInt(at), [BigInt(at * 10)]));
    const request = { filter: compileFilter(""), hosts: undefined, startNano: 0n, endNano: DAY, pageSize: 100 };
    const found: string[] = [];
    let after: Position | undefined;
    let calls = 0;
    do {
      const page = await searchEvents(
        sourceOf(stored),
        { ...request, after },
        { blocksMax: 2, opened: () => undefined },
      );
      found.push(...page.events.map((event) => event.id));
      after = page.next;
      calls++;
    } while (after !== undefined && calls < 20);
    assert.equal(found.length, 6);
    assert.ok(calls >= 3 && calls < 20, `${calls} calls`);
  });
});

async function naiveIds(
  stored: readonly Stored[],
  text: string,
  start: bigint,
  end: bigint,
  hosts: ReadonlySet<string> | undefined,
): Promise<string[]> {
  const ids: string[] = [];
  for (const block of stored) {
    if (hosts?.has(block.hostId) === false) continue;
    const only = sourceOf([block]);
    const request = { filter: compileFilter(""), hosts: undefined, startNano: 0n, endNano: 1n << 60n, pageSize: 1000 };
    const { events } = await searchEvents(
      only,
      { ...request, after: undefined },
      { blocksMax: 9, opened: () => undefined },
    );
    for (const { id, event } of events) {
      const time = event?.timeUnixNano ?? 0n;
      if (time >= start && time < end && (text === "" || event?.action === "third")) ids.push(id);
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
