import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { zstdDecompressSync } from "node:zlib";
import { Event } from "@hosttrail/proto/event";
import fc from "fast-check";
import { ColumnBlock, encodeColumns } from "../block/index.ts";
import { Sieve, SieveBuilder } from "../sieve/index.ts";
import { anyFilter } from "./arbitrary.ts";
import { compileFilter, type Filter, FilterError, tellSieve } from "./index.ts";
import { holds, type Model, write } from "./reference.ts";

const PLACE = { hostId: "0".repeat(32), epoch: 1n, firstSeq: 7n };

/** Recorded events of a host's role, as blocks; see bench/trails. */
function trail(role: string): ColumnBlock[] {
  const bytes = zstdDecompressSync(readFileSync(new URL(`../../../bench/trails/${role}.zst`, import.meta.url)));
  const blocks: ColumnBlock[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    blocks.push(new ColumnBlock(bytes.subarray(at + 4, end), PLACE));
    at = end;
  }
  return blocks;
}

function sieveOf(block: ColumnBlock): Sieve {
  const builder = new SieveBuilder();
  tellSieve(block, builder);
  return new Sieve(builder.finish());
}

/** Short words, of which many are the same, or nothing at all, or what breaks texts apart. */
const word = fc.oneof(
  fc.constantFrom("", "a", "ab", "/", "/a/b", "a b", "-", "*", "\\", '"', "Å", "İ", "ſ", "\u{1f600}", "\0", "AND", "="),
  fc.string({ unit: fc.constantFrom("a", "B", "/", " ", "*", "é"), maxLength: 5 }),
);
const words = fc.array(word, { maxLength: 3 });
const u32 = fc.constantFrom(0, 1, 7, 1000, 0x7fffffff, 0xffffffff);
const nanos = fc.bigInt(-3n, 3n).map((seconds) => 1_700_000_000_000_000_000n + seconds * 500_000_001n);
const maybe = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(value, { nil: undefined });
const reference = fc.record({ pid: u32, name: word, executable: word });
const runs = {
  pid: u32,
  name: word,
  executable: word,
  args: words,
  argsCount: u32,
  title: word,
  workingDirectory: word,
  startUnixNano: fc.oneof(fc.constant(0n), nanos),
  sessionLeader: maybe(reference),
  ancestry: fc.array(reference, { maxLength: 2 }),
};
const endpoint = fc.record({
  address: fc.oneof(word, fc.constantFrom("10.0.0.1", "::FFFF:10.0.0.1", "2001:DB8::1")),
  ip: fc.constantFrom("", "10.0.0.1", "2001:db8::1"),
  port: u32,
  path: word,
  domain: word,
});
const record = fc.record({
  type: fc.constantFrom(1300, 1302, 1307, 1309, 1123, 99),
  fields: fc.array(
    fc.record({ key: fc.constantFrom("msg", "cmd", "op", ""), value: fc.oneof(word, fc.constant("'cmd=6C73 op=a'")) }),
    { maxLength: 2 },
  ),
});

/** An event with everything that a filter may ask for, or with less. */
const someEvent = fc
  .record({
    event: maybe(
      fc.record({
        action: word,
        category: fc.subarray(["process", "file", "host"]),
        outcome: fc.constantFrom("", "success", "failure"),
        timeUnixNano: nanos,
      }),
    ),
    host: maybe(
      fc.record({
        name: word,
        labels: fc.array(fc.record({ key: fc.constantFrom("env", "a"), value: word }), { maxLength: 2 }),
      }),
    ),
    process: maybe(fc.record({ ...runs, parent: maybe(fc.record(runs)) })),
    targets: fc.array(fc.record(runs), { maxLength: 2 }),
    user: maybe(
      fc.record({ id: u32, auditId: u32, name: word, auditName: word, group: maybe(fc.record({ name: word })) }),
    ),
    files: fc.array(
      fc.record({ path: word, relativeTo: word, hasAttributes: fc.boolean(), inode: fc.bigInt(0n, 3n) }),
      { maxLength: 3 },
    ),
    source: maybe(endpoint),
    destination: maybe(endpoint),
    container: maybe(fc.record({ systemdUnit: word })),
    audit: maybe(
      fc.record({
        serial: u32,
        keys: words,
        records: fc.array(record, { maxLength: 3 }),
        syscall: maybe(
          fc.record({ exit: fc.bigInt(-3n, 3n), arguments: fc.array(fc.bigInt(0n, 1n << 40n), { maxLength: 4 }) }),
        ),
      }),
    ),
  })
  .map((event) => Event.fromPartial(event as Parameters<(typeof Event)["fromPartial"]>[0]));

/** Undefined where the filter could never match, and so is refused. */
function compiled(text: string): Filter | undefined {
  try {
    return compileFilter(text);
  } catch (error) {
    assert.ok(error instanceof FilterError, `${text}: ${String(error)}`);
    assert.match(error.message, /never|characters; at most/, text);
    return undefined;
  }
}

interface Held {
  block: ColumnBlock;
  events: readonly Event[];
  sieve: Sieve;
}

/** What was compared, so that a test that compares nothing fails. */
const seen = { filters: 0, refused: 0, matching: 0, excluded: 0 };

function compare(model: Model, held: readonly Held[]): void {
  const text = write(model);
  const filter = compiled(text);
  seen.filters++;
  if (filter === undefined) {
    seen.refused++;
    return;
  }
  const again = compileFilter(filter.text);
  assert.equal(again.text, filter.text, text);
  const bracketed = compileFilter(write(model, true));
  for (const { block, events, sieve } of held) {
    const expected = events.flatMap((event, index) => (holds(model, event) ? [index] : []));
    assert.deepEqual(filter.match(block), expected, text);
    assert.deepEqual(bracketed.match(block), expected, text);
    assert.deepEqual(again.match(block), expected, filter.text);
    if (expected.length > 0) {
      seen.matching++;
      assert.ok(filter.mayMatch(sieve), `a sieve rules out ${text}`);
    } else if (!filter.mayMatch(sieve)) seen.excluded++;
  }
}

describe("a filter finds what a look at each event finds:", () => {
  for (const role of ["admin", "build", "web"]) {
    it(`in recorded events of the role ${role}`, () => {
      const [block] = trail(role).toSorted((a, b) => b.count - a.count);
      assert.ok(block !== undefined && block.count >= 500);
      const events = block.events();
      const held = [{ block, events, sieve: sieveOf(block) }];
      fc.assert(
        fc.property(anyFilter(events), (model) => compare(model, held)),
        { numRuns: 700, endOnFailure: true },
      );
    });
  }

  it("in events of any values whatever", () => {
    const events = fc.array(someEvent, { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(events, fc.nat(), (list, seed) => {
        const block = new ColumnBlock(encodeColumns(list), PLACE);
        const held = [{ block, events: block.events(), sieve: sieveOf(block) }];
        for (const model of fc.sample(anyFilter(held[0]?.events ?? []), { numRuns: 25, seed })) compare(model, held);
      }),
      { numRuns: 80, endOnFailure: true },
    );
  });

  it("and most of these filters mean something", () => {
    const { filters, refused, matching, excluded } = seen;
    assert.ok(filters > 2000 && refused < filters / 5, JSON.stringify(seen));
    assert.ok(matching > filters / 4 && excluded > 20, JSON.stringify(seen));
  });

  it("and only among the events that are asked for", () => {
    const events = Array.from({ length: 40 }, (_, index) =>
      Event.fromPartial({ process: { pid: index, name: index % 3 === 0 ? "ls" : "cat" }, user: { name: "root" } }),
    );
    const block = new ColumnBlock(encodeColumns(events), PLACE);
    const among = Uint8Array.from({ length: 40 }, (_, index) => index % 2);
    for (const text of [
      "",
      "process.name = ls",
      "NOT process.name = ls",
      "process.name = ls OR process.pid > 20",
      "ls",
      "user.name != bob",
    ]) {
      const filter = compileFilter(text);
      const all = filter.match(block);
      const bits = filter.matchBits(block, among);
      assert.deepEqual(
        [...bits.keys()].filter((event) => bits[event] === 1),
        all.filter((event) => event % 2 === 1),
        text,
      );
    }
  });
});
