import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { Block, Codec, EventColumns } from "@hosttrail/proto/block";
import { type AuditRecord, Event, Process } from "@hosttrail/proto/event";
import fc from "fast-check";
import { nodePrimitives, signerOf } from "../crypto/index.ts";
import { RuleSet } from "../detect/index.ts";
import { compileFilter, tellSieve } from "../predicate/index.ts";
import { SieveBuilder } from "../sieve/index.ts";
import { readRules } from "../sigma/index.ts";
import { anyEvent } from "./arbitrary.ts";
import {
  BlockError,
  ColumnBlock,
  decompressedBytesMax,
  encodeEvents,
  encodeHeader,
  EventEncoder,
  type Header,
  openBlock,
  parseBlock,
  scanPayload,
  sealEncoded,
} from "./index.ts";
import { EVENT, TOP } from "./tables.ts";
import { WireWriter } from "./wire.ts";

const hostId = "0123456789abcdef0123456789abcdef";
const position = { hostId, epoch: 7n, firstSeq: 100n };
const sign = signerOf(generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString());
const options = {
  ...position,
  bootId: "5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13",
  agentVersion: "1",
  flags: 0,
  previousHeaderSha256: new Uint8Array(0),
};

/** Numbers of the tables' messages in EventColumns. */
const TABLES = [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17];
const PROCESSES = 6;
const FILES = 8;
const RECORDS = 13;
const REFERENCES = 14;
const ANCESTRIES = 15;

/** A column of numbers: one value, repeated. */
function repeated(value: number, count: number): Uint8Array {
  return packed(new Array<number>(count).fill(value));
}

function packed(values: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  for (const value of values) {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
    bytes.push(rest);
  }
  return Uint8Array.from(bytes);
}

type Columns = Record<number, Uint8Array | number>;

/** A message of bytes fields and numbers, in the order of their numbers. */
function message(columns: Columns): Uint8Array {
  const writer = new WireWriter();
  for (const [field, value] of Object.entries(columns)) {
    if (typeof value === "number") writer.uint(Number(field), value);
    else writer.bytes(Number(field), value);
  }
  return writer.finish();
}

const strings = (...texts: string[]): Uint8Array =>
  message({ 1: packed(texts.map((text) => text.length)), 2: Buffer.from(texts.join("")) });

/** Does all that anybody does with a block: columns, every row, every event, its sieve, and filters. */
function open(payload: Uint8Array): void {
  const block = new ColumnBlock(payload, position);
  block.events();
  tellSieve(block, new SieveBuilder());
  for (const filter of FILTERS) filter.match(block);
}
const FILTERS = [
  "process.command_line : zz",
  "file.path : zz",
  "process.parent.executable : zz",
  "process.ancestry.executable = zz",
  "audit.key = zz",
  "audit.record_type = SYSCALL",
].map(compileFilter);

/** Rules that ask for whatever there is, of events and of records. */
const { rules } = readRules([
  {
    path: "all.yml",
    text: ["{ category: process_creation }", "{ category: file_event }", "{ service: auditd }"]
      .map(
        (logsource, at) =>
          `title: rule ${at}\nlogsource: ${logsource}\ndetection: { a: { process.command_line|contains: zz }, b: { process.parent.command_line|contains: zz }, c: { process.ancestry.executable|contains: zz }, d: [zz], e: { a0|contains: zz }, f: { name|contains: zz }, g: { key: zz }, h: { process.title|contains: zz }, i: { file.path|contains: zz }, condition: 1 of them }\n`,
      )
      .join("---\n"),
  },
]);
const RULES = new RuleSet(rules.flatMap((rule) => (rule.kind === "detection" ? [rule] : [])));

/** Holds rules against a block that nobody has looked over yet: it may be refused for no more than it asks for. */
function match(payload: Uint8Array): void {
  try {
    RULES.match(new ColumnBlock(payload, position));
  } catch (error) {
    assert.ok(error instanceof BlockError || error instanceof TypeError, String(error));
  }
}

/** Memory and time are those of an honest block of its size. */
function costsLittle(payload: Uint8Array, work: () => void): void {
  const before = process.memoryUsage();
  const started = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(started);
  const after = process.memoryUsage();
  const memory = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  assert.ok(memory < 24e6 + 64 * payload.length, `${memory} bytes of memory for ${payload.length}`);
  assert.ok(user + system < 400e3 + payload.length, `${user + system} µs of CPU for ${payload.length} bytes`);
}

/** Refused, by a BlockError that says why, for next to nothing. */
function refused(payload: Uint8Array, why: RegExp): void {
  costsLittle(payload, () => {
    assert.throws(
      () => open(payload),
      (error) => error instanceof BlockError && why.test(error.message),
    );
  });
  costsLittle(payload, () => match(payload));
  // Whatever number of events its header says.
  for (const count of [1, 2, 2000])
    assert.equal(scanPayload(payload, { hostId, count, firstTimeUnixNano: 0n, lastTimeUnixNano: 0n }), undefined);
}

describe("a block whose counts stand for more than its bytes", () => {
  it("is refused where every table says 2^20 rows in 213 bytes", () => {
    const tables = Object.fromEntries(TABLES.map((field) => [field, message({ 1: 1 << 20 })]));
    const payload = message({ 1: 1, 3: message({ 1: message({ 2: 1, 3: packed([0]) }) }), ...tables });
    const header: Header = {
      ...parseBlock(sealEncoded(encodeEvents([Event.fromPartial({})]), options, nodePrimitives, sign).bytes).header,
      columnsBytes: payload.length,
      columnsSha256: nodePrimitives.sha256(payload),
    };
    const bytes = Block.encode({
      header: encodeHeader(header),
      signature: new Uint8Array(64),
      payload: nodePrimitives.compress(payload),
      codec: Codec.ZSTD,
    }).finish();
    assert.ok(bytes.length < 400, `${bytes.length} bytes`);
    refused(payload, /kinds\.count: 1048576 rows bring the weight/);
    assert.throws(() => openBlock(parseBlock(bytes), nodePrimitives).check(), { code: "PAYLOAD_MALFORMED" });
  });

  for (const field of TABLES) {
    it(`is refused for the rows of table ${field} alone, and for those of all tables together`, () => {
      refused(message({ 1: 1, [field]: message({ 1: 4096 }) }), /rows bring the weight/);
      const few = Object.fromEntries(TABLES.map((each) => [each, message({ 1: 200 })]));
      refused(message({ 1: 1, ...few }), /rows bring the weight/);
    });
  }

  it("is refused for a number of rows that no number holds", () => {
    refused(message({ 1: 1, 4: message({ 1: 2 ** 52 }) }), /rows bring the weight/);
    assert.throws(() => new ColumnBlock(message({ 1: 2 ** 40 }), position), /payload.count/);
  });

  it("is refused for list items whose values are left out", () => {
    const million = packed([1 << 20]);
    refused(message({ 1: 1, 6: message({ 1: 1, 6: million }), 3: message({ 4: packed([1]) }) }), /list items/);
    for (const lengths of [EVENT.filesLength, EVENT.argumentsLength, EVENT.keysLength, EVENT.recordsLength])
      refused(message({ 1: 1, 3: message({ [lengths]: million }) }), /list items bring the weight/);
    refused(message({ 1: 1, 3: message({ [EVENT.targetsLength]: packed([0xffffffff]) }) }), /list items so far/);
    const record = message({ 1: 1, 5: million });
    refused(
      message({ 1: 1, 3: message({ 12: packed([1]), 23: packed([1]), 24: packed([1]) }), [RECORDS]: record }),
      /list items/,
    );
  });

  it("is refused for list items in many lists that are few in each", () => {
    const lengths = repeated(4, 2000);
    const payload = message({
      1: 1,
      [PROCESSES]: message({ 1: 1000, 6: repeated(100, 1000), 7: repeated(0, 100_000) }),
    });
    refused(payload, /list items bring the weight/);
    open(message({ 1: 2000, 3: message({ [EVENT.argumentsLength]: lengths }) }));
  });

  it("is refused where rows show one long text again and again", () => {
    const long = strings("x".repeat(1 << 20));
    const files = message({ 1: 1000, 2: repeated(1, 1000) });
    refused(
      message({ 1: 1, 2: long, 3: message({ 6: packed([1]), 7: packed([1]) }), [FILES]: files }),
      /when written out/,
    );
    const process = message({ 1: 1, 6: packed([100_000]), 7: repeated(1, 100_000) });
    const events = message({ 4: repeated(1, 2000) });
    refused(message({ 1: 2000, 2: strings("x".repeat(10_000)), 3: events, [PROCESSES]: process }), /when written out/);
    const keys = message({ [EVENT.keysLength]: packed([1000]), [EVENT.keys]: repeated(1, 1000), 12: packed([1]) });
    refused(message({ 1: 1, 2: long, 3: keys }), /events.keys: rows of more/);
  });

  it("is refused where rows refer to one long row again and again", () => {
    const count = 1000;
    const parents = message({
      1: count,
      5: packed([1, ...new Array<number>(count - 1).fill(0)]),
      13: packed([0, ...new Array<number>(count - 1).fill(1)]),
    });
    refused(
      message({ 1: 1, 2: strings("x".repeat(1 << 17)), 3: message({ 4: packed([1]) }), [PROCESSES]: parents }),
      /when written out/,
    );
    const args = { 6: packed([20_000, ...new Array<number>(count - 1).fill(0)]), 7: repeated(1, 20_000) };
    const commands = message({ 1: count, ...args, 13: packed([0, ...new Array<number>(count - 1).fill(1)]) });
    const rows = Array.from({ length: count }, (_, row) => row + 1);
    refused(
      message({ 1: count, 2: strings("x".repeat(60)), 3: message({ 4: packed(rows) }), [PROCESSES]: commands }),
      /when written out/,
    );
    const long = {
      [REFERENCES]: message({ 1: 1, 2: packed([1]) }),
      [ANCESTRIES]: message({ 1: 1, 2: packed([20_000]), 3: repeated(1, 20_000) }),
    };
    const processes = message({ 1: count, 14: repeated(1, count) });
    refused(
      message({ 1: 1, 2: strings("e"), 3: message({ 4: packed([1]) }), [PROCESSES]: processes, ...long }),
      /when written out/,
    );
  });

  it("is refused for a chain of parents, a ring of them, and a parent that comes later", () => {
    const chain = (parents: number[]): Uint8Array =>
      message({
        1: 2000,
        3: message({ 4: repeated(parents.length, 2000) }),
        [PROCESSES]: message({ 1: parents.length, 13: packed(parents) }),
      });
    open(chain(Array.from({ length: 17 }, (_, row) => row)));
    refused(chain(Array.from({ length: 18 }, (_, row) => row)), /more than 16 parents/);
    refused(chain(Array.from({ length: 100_000 }, (_, row) => row)), /processes/);
    refused(chain([1]), /row 1 of 1 or not yet there/);
    refused(chain([2, 1]), /row 2 of 2 or not yet there/);
  });

  it("is refused for items that are no row, and for numbers that are too many or end early", () => {
    const rows = { [FILES]: message({ 1: 1 }), [PROCESSES]: message({ 1: 1 }), [RECORDS]: message({ 1: 1 }) };
    const items = [
      [EVENT.filesLength, EVENT.files],
      [EVENT.targetsLength, EVENT.targets],
      [EVENT.recordsLength, EVENT.records],
    ] as const;
    for (const [lengths, values] of items) {
      refused(
        message({ 1: 1, 3: message({ 12: packed([1]), [lengths]: packed([1]), [values]: packed([0]) }), ...rows }),
        /row 0/,
      );
      refused(message({ 1: 1, 3: message({ 12: packed([1]), [lengths]: packed([1]) }), ...rows }), /row 0/);
      refused(
        message({ 1: 1, 3: message({ 12: packed([1]), [lengths]: packed([1]), [values]: packed([2]) }), ...rows }),
        /row 2/,
      );
    }
    for (const pids of [Uint8Array.of(0, 0x80), Uint8Array.of(0, 0), Uint8Array.of(0x80)]) {
      const processes = message({ 1: 1, 3: pids });
      refused(
        message({ 1: 1, 3: message({ 4: packed([1]) }), [PROCESSES]: processes }),
        /more than 1 values|ends inside a number/,
      );
    }
  });

  it("is refused for fields that come twice, but for padding", () => {
    const twice = (bytes: Uint8Array): Uint8Array => Buffer.concat([bytes, bytes]);
    refused(twice(message({ 1: 1 })), /field 1 for a second time/);
    refused(twice(message({ 2: strings("a") })), /field 2 for a second time/);
    refused(message({ 1: 1, 4: twice(message({ 7: packed([0]) })) }), /field 7 for a second time/);
    open(Buffer.concat([message({ 1: 1 }), twice(message({ [TOP.padding]: new Uint8Array(9) }))]));
  });

  it("is refused for strings that no encoder writes", () => {
    const table = (lengths: number[], data: string | Uint8Array, binary: number[] = []): Uint8Array =>
      message({ 2: message({ 1: packed(lengths), 2: Buffer.from(data as string), 3: packed(binary) }) });
    refused(table([1, 0], "a"), /a string of 0 bytes/);
    refused(table([1, 5], "abc"), /a string of 5 bytes where 2 are left/);
    refused(table([1], "abc"), /2 bytes after the last string/);
    refused(table([1, 1], "é"), /not UTF-8/);
    refused(table([2, 1, 1], "ééa".slice(0, 2)), /not UTF-8/);
    refused(table([2], Uint8Array.of(0xff, 0xfe)), /not UTF-8/);
    refused(table([1, 1], "ab", [2, 1]), /binary string 1 of 2, after 2/);
    refused(table([1], "a", [2]), /binary string 2 of 1/);
    open(table([2, 2, 1], Uint8Array.of(0xff, 0xfe, 0xc3, 0xa9, 0x61), [1]));
  });

  it("is refused before it is decompressed where it would be too much for its bytes", () => {
    for (const [bytes, isAllowed] of [
      [256 * 1024, true],
      [20_000_000, false],
    ] as const) {
      const compressed = nodePrimitives.compress(message({ [TOP.padding]: new Uint8Array(bytes - 8) }));
      const whole = sealEncoded(encodeEvents([Event.fromPartial({})]), options, nodePrimitives, sign);
      const block = Block.encode({
        header: encodeHeader({ ...whole.header, columnsBytes: bytes }),
        signature: new Uint8Array(64),
        payload: compressed,
        codec: Codec.ZSTD,
      }).finish();
      if (isAllowed) parseBlock(block);
      else
        assert.throws(
          () => parseBlock(block),
          /HEADER_INVALID at header.columns_bytes: 20000000; a payload of \d+ bytes may stand for \d+ at most/,
        );
    }
  });

  it("is refused for a window that is larger than any block's", () => {
    const noise = nodePrimitives.compress(new Uint8Array(64));
    assert.equal(nodePrimitives.decompress(noise, 64).length, 64);
    // A frame header without a size that asks for a window of 2^27 bytes, and one empty last block.
    // Source: RFC 8878, 3.1.1.1.2
    const frame = (log: number): Uint8Array => Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3, 1, 0, 0);
    assert.equal(nodePrimitives.decompress(frame(23), 64).length, 0);
    assert.throws(() => nodePrimitives.decompress(frame(27), 64), /Frame requires too much memory/i);
  });

  it("is refused where its payload has another size than its header says", () => {
    const sealed = sealEncoded(encodeEvents([Event.fromPartial({})]), options, nodePrimitives, sign);
    const { block, header } = parseBlock(sealed.bytes);
    const longer = { ...header, columnsBytes: header.columnsBytes + 1 };
    assert.throws(() => openBlock({ block, header: longer }, nodePrimitives), /bytes, not/);
  });
});

/** As a block goes from an agent to a reader; gives back its events. */
function travel(events: readonly Event[]): { events: Event[]; isShortened: boolean; compressed: number } {
  const encoded = encodeEvents(events);
  const parsed = parseBlock(sealEncoded(encoded, options, nodePrimitives, sign).bytes);
  const block = openBlock(parsed, nodePrimitives);
  block.check();
  tellSieve(block, new SieveBuilder());
  for (const filter of FILTERS) filter.match(block);
  // The padding is a field that the contract names.
  EventColumns.decode(encoded.columns);
  return { events: block.events(), isShortened: encoded.isShortened, compressed: parsed.block.payload.length };
}

const processOf = (partial: Partial<Process>): Process => Process.fromPartial(partial);
const bare = ({ id: _id, event, ...rest }: Event): unknown => ({ ...rest, event: event && { ...event, sequence: 0n } });

describe("what an encoder writes", () => {
  it("is never refused, whatever the events", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 40 }), (few, times) => {
        const given = Array.from({ length: times }, () => few).flat();
        const { events, isShortened } = travel(given);
        assert.equal(isShortened, false);
        assert.deepEqual(events.map(bare), given.map(bare));
      }),
      { numRuns: 60 },
    );
  });

  it("is never refused where it shrinks to next to nothing", () => {
    const [record] = Event.fromPartial({ audit: { records: [{ type: 1300, layout: "a" }] } }).audit?.records ?? [];
    const cases: Record<string, Event[]> = {
      same: Array.from({ length: 2000 }, () => Event.fromPartial({ event: { timeUnixNano: 1n } })),
      "6 MiB of one letter": [
        Event.fromPartial({ process: { args: Array.from({ length: 48 }, (_, at) => "a".repeat(131_000 - at)) } }),
      ],
      "700,000 empty arguments": [Event.fromPartial({ process: { args: new Array<string>(700_000).fill("") } })],
      "rows by number": Array.from({ length: 2000 }, (_, pid) =>
        Event.fromPartial({
          process: { pid, parent: { pid: pid + 1, sessionId: 1 } },
          user: { id: pid, group: { id: pid } },
          source: { port: pid },
          destination: { port: pid + 5000 },
          files: [{ inode: BigInt(pid) }, { inode: BigInt(pid), mode: 1 }],
        }),
      ),
      "20,000 records of one event": [
        Event.fromPartial({
          audit: { records: Array.from({ length: 20_000 }, (_, type) => ({ ...(record as AuditRecord), type })) },
        }),
      ],
      "20,000 targets of one event": [
        Event.fromPartial({ targets: Array.from({ length: 20_000 }, (_, pid) => processOf({ pid })) }),
      ],
    };
    for (const [name, given] of Object.entries(cases)) {
      const { events, isShortened } = travel(given);
      assert.equal(isShortened, false, name);
      assert.deepEqual(events.map(bare), given.map(bare), name);
    }
  });

  it("is never refused where 2,000 events have 4,000 arguments each, cut where the encoder says so", () => {
    const encoder = new EventEncoder();
    const args = Array.from({ length: 4000 }, (_, at) => `--option-${at % 100}`);
    let events = 0;
    let blocks = 0;
    const cut = (): void => {
      const encoded = encoder.finish();
      assert.equal(encoded.isShortened, false);
      const parsed = parseBlock(sealEncoded(encoded, options, nodePrimitives, sign).bytes);
      const block = openBlock(parsed, nodePrimitives);
      for (const event of block.events()) assert.equal(event.process?.args.length, args.length);
      for (const filter of FILTERS) filter.match(block);
      events += block.count;
      blocks++;
    };
    for (let pid = 0; pid < 2000; pid++) {
      if (encoder.isHeavy) cut();
      encoder.add(Event.fromPartial({ process: { pid, entityId: `${pid}`, args } }));
    }
    cut();
    assert.equal(events, 2000);
    assert.ok(blocks > 10 && blocks < 200, `${blocks} blocks`);
  });

  it("is shortened, says so and stays readable where one event alone passes the bounds", () => {
    const long = "x".repeat(1 << 16);
    const targets = Array.from({ length: 1000 }, (_, pid) =>
      processOf({ pid, entityId: `${pid}`, title: long, executable: long }),
    );
    const cases: Event[] = [
      Event.fromPartial({ targets, audit: { serial: 1 } }),
      Event.fromPartial({ process: { args: new Array<string>(1_200_000).fill("a") }, audit: { serial: 1 } }),
      Event.fromPartial({ audit: { serial: 1, keys: new Array<string>(1000).fill(long) } }),
    ];
    for (const event of cases) {
      const small = Event.fromPartial({ audit: { serial: 2 }, process: { pid: 4 } });
      const { events, isShortened } = travel([small, event]);
      assert.equal(isShortened, true);
      assert.equal(events[0]?.audit?.partial, "");
      assert.equal(events[1]?.audit?.partial, "oversized");
      assert.equal(events[1]?.targets.length, event.targets.length);
    }
  });

  it("goes up to 16 parents, whatever was added before", () => {
    let process = processOf({ pid: 0 });
    const chain = [process];
    for (let pid = 1; pid < 40; pid++) chain.push((process = processOf({ pid, parent: process })));
    const depthOf = (found: Process | undefined): number => (found === undefined ? -1 : 1 + depthOf(found.parent));
    const { events } = travel(chain.map((each) => Event.fromPartial({ process: each })));
    for (const [at, event] of events.entries()) assert.ok(depthOf(event.process) <= 16, `${at}`);
    assert.equal(depthOf(events[16]?.process), 16);
    assert.equal(travel([Event.fromPartial({ process })]).events[0]?.process?.pid, 39);
  });

  it("is padded by bytes that do not shrink, only where it must be", () => {
    const plain = travel([Event.fromPartial({ event: { action: "executed" } })]);
    assert.ok(plain.compressed < 100, `${plain.compressed}`);
    const { compressed } = travel([Event.fromPartial({ process: { args: ["a".repeat(4_000_000)] } })]);
    assert.ok(decompressedBytesMax(compressed) >= 4_000_000);
    assert.ok(compressed < 40_000, `${compressed}`);
  });
});
