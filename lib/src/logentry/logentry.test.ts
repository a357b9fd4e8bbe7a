import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatLogEntry, LogEntryError, type LogEntry, parseLogEntry } from "./index.ts";

const hexDigits = (length: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: length / 2, maxLength: length / 2 }).map((bytes) => Buffer.from(bytes).toString("hex"));
const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const time = fc.integer({ min: 0, max: 253_402_300_799_999 });
/** Objects as everybody has them. */
const PLAIN = { noNullPrototype: true } as const;
const words = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 60 })
  .filter((text) => text.trim() === text && !/[\p{Cc}\p{Surrogate}\u2028\u2029\ufeff]/u.test(text) && text.length > 0);
const host = hexDigits(32);
const days = time.map((ms) => new Date(ms).toISOString().slice(0, 10).replaceAll("-", ""));
const ranges = fc
  .array(fc.tuple(fc.bigInt({ min: 2n, max: 1n << 50n }), fc.bigInt({ min: 0n, max: 1n << 50n })), {
    minLength: 1,
    maxLength: 64,
  })
  .map((steps) => {
    let at = 0n;
    return steps.map(([gap, length]) => {
      const first = at + gap;
      at = first + length;
      return { first, last: at };
    });
  });
const ordered = (values: fc.Arbitrary<string>): fc.Arbitrary<string[]> =>
  fc.uniqueArray(values, { maxLength: 5 }).map((all) => all.sort());

const entries: fc.Arbitrary<LogEntry> = fc.oneof(
  fc.record(
    {
      kind: fc.constant("head" as const),
      hostId: host,
      epoch: u64,
      lastSeq: u64,
      headerSha256: hexDigits(64),
      missing: u64,
      timeMs: time,
    },
    PLAIN,
  ),
  fc.record(
    {
      kind: fc.constant("dropped" as const),
      hostId: host,
      epoch: u64,
      day: fc.oneof(days, fc.constant("outside")),
      ranges,
      blocks: u64,
      events: u64,
      policy: words,
      actor: words,
      timeMs: time,
    },
    PLAIN,
  ),
  fc.record(
    {
      kind: fc.constantFrom("hold" as const, "release" as const),
      hold: words,
      hostIds: ordered(host),
      labels: ordered(words),
      firstDay: days,
      lastDay: days,
      actor: words,
      reason: words,
      timeMs: time,
    },
    PLAIN,
  ),
);

const HEAD = {
  kind: "head",
  hostId: "00112233445566778899aabbccddeeff",
  epoch: 10n,
  lastSeq: 4711n,
  headerSha256: "ab".repeat(32),
  missing: 0n,
  timeMs: 1_790_000_000_123,
} as const;
const TEXT = [
  "hosttrail/head/v1",
  "host 00112233445566778899aabbccddeeff",
  "epoch 000000000000000a",
  "last 4711",
  `header ${"ab".repeat(32)}`,
  "missing 0",
  "time 2026-09-21T14:13:20.123Z",
  "",
].join("\n");

describe("entries of the log", () => {
  it("are lines of text", () => {
    assert.equal(Buffer.from(formatLogEntry(HEAD)).toString(), TEXT);
  });

  it("come back as they were", () => {
    fc.assert(fc.property(entries, (entry) => assert.deepEqual(parseLogEntry(formatLogEntry(entry)), entry)));
  });

  it("have one form only: what is read is what would be written", () => {
    const bytes = fc.tuple(entries, fc.nat(), fc.nat(255), fc.nat(3)).map(([entry, at, byte, how]) => {
      const text = formatLogEntry(entry);
      const place = at % text.length;
      if (how === 0) return text;
      if (how === 1) return Buffer.concat([text.subarray(0, place), Buffer.from([byte]), text.subarray(place)]);
      if (how === 2) return Buffer.concat([text.subarray(0, place), text.subarray(place + 1)]);
      return text.map((value, index) => (index === place ? byte : value));
    });
    fc.assert(
      fc.property(bytes, (each) => {
        let entry: LogEntry;
        try {
          entry = parseLogEntry(each);
        } catch (error) {
          assert.ok(error instanceof LogEntryError, String(error));
          return;
        }
        assert.deepEqual(Buffer.from(formatLogEntry(entry)), Buffer.from(each));
      }),
      { numRuns: 3000 },
    );
  });

  it("name the line that is wrong", () => {
    const refused = (text: string, pattern: RegExp): void =>
      assert.throws(
        () => parseLogEntry(Buffer.from(text)),
        (error) => error instanceof LogEntryError && pattern.test(error.message),
      );
    refused(TEXT.replace("v1", "v2"), /line 1: it is none of head/);
    refused(TEXT.replace("epoch 0", "epoch "), /line 3: epoch is not 16 hex digits/);
    refused(TEXT.replace("last 4711\n", ""), /line 4: it must begin with "last "/);
    refused(TEXT.replace("last 4711", "last 04711"), /line 4: last is not a decimal/);
    refused(`${TEXT}more 1\n`, /line 8: nothing may follow/);
    refused(TEXT.slice(0, -1), /does not end with a newline/);
    refused(TEXT.replace("14:13", "25:13"), /line 7: time is not/);
    refused("x".repeat(70_000), /70000 bytes; 60000 are allowed/);
  });

  it("are not written where they could not be read again", () => {
    for (const wrong of [{ hostId: "x" }, { timeMs: 1.5 }, { timeMs: -1 }, { lastSeq: -1n }, { lastSeq: 1n << 64n }])
      assert.throws(() => formatLogEntry({ ...HEAD, ...wrong }), LogEntryError);
    const hold = {
      kind: "hold",
      hold: "h",
      hostIds: [],
      labels: ["a=b"],
      firstDay: "20260101",
      lastDay: "20260131",
      actor: "a",
      reason: "r",
      timeMs: 0,
    } as const;
    for (const reason of ["", " x", "a\nactor root", "\u2028", "x".repeat(513), "\ud800"])
      assert.throws(() => formatLogEntry({ ...hold, reason }), LogEntryError);
    for (const wrong of [{ labels: ["b", "a"] }, { labels: ["a", "a"] }, { firstDay: "20260230" }, { hostIds: ["x"] }])
      assert.throws(() => formatLogEntry({ ...hold, ...wrong }), LogEntryError);
    const dropped = {
      kind: "dropped",
      hostId: HEAD.hostId,
      epoch: 1n,
      day: "20260101",
      blocks: 1n,
      events: 2n,
      policy: "p",
      actor: "a",
      timeMs: 0,
    } as const;
    const range = (first: bigint, last: bigint) => ({ first, last });
    for (const ranges of [[], [range(2n, 1n)], [range(1n, 5n), range(6n, 7n)], [range(5n, 6n), range(1n, 2n)]])
      assert.throws(() => formatLogEntry({ ...dropped, ranges }), LogEntryError);
  });
});
