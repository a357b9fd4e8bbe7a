import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { constants, zstdCompressSync } from "node:zlib";
import { Block, Codec, EventColumns } from "@hosttrail/proto/block";
import { Event } from "@hosttrail/proto/event";
import fc from "fast-check";
import { nodePrimitives, signerOf, verifierOf } from "../crypto/index.ts";
import { anyEvent } from "./arbitrary.ts";
import {
  BLOCK_BYTES_MAX,
  BlockError,
  checkSignature,
  columnsOf,
  ColumnBlock,
  encodeColumns,
  eventId,
  EVENTS_MAX,
  openBlock,
  parseBlock,
  type SealOptions,
  sealBlock,
} from "./index.ts";

const hostId = "0123456789abcdef0123456789abcdef";
const position = { hostId, epoch: 7n, firstSeq: 100n };
const keys = generateKeyPairSync("ed25519");
const sign = signerOf(keys.privateKey.export({ format: "pem", type: "pkcs8" }).toString());
const verify = verifierOf(keys.publicKey);
const options: SealOptions = {
  ...position,
  bootId: "5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13",
  agentVersion: "1",
  flags: 0,
  previousHeaderSha256: new Uint8Array(0),
};

/** The event as the block gives it back: with the id and the sequence that its position implies. */
function placed(event: Event, index: number): Event {
  const sequence = position.firstSeq + BigInt(index);
  const seq = sequence.toString(16).padStart(16, "0");
  return {
    ...event,
    id: `${hostId}-0000000000000007-${seq}`,
    event: event.event === undefined ? undefined : { ...event.event, sequence },
  };
}

/** A value with each of its leaves changed in turn. The derived id and sequence are left alone. */
function variantsOf(value: unknown): unknown[] {
  if (typeof value === "string") return [`${value}!`];
  if (typeof value === "number") return [value + 1];
  if (typeof value === "bigint") return [value + 1n];
  if (typeof value === "boolean") return [!value];
  if (value instanceof Uint8Array) return [Uint8Array.of(0xff)];
  if (Array.isArray(value)) {
    const changed = value.flatMap((item, at) => variantsOf(item).map((variant) => value.with(at, variant)));
    return [[...value, ...value], ...changed];
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "sequence" || (key === "id" && inner === "")
      ? []
      : variantsOf(inner).map((variant) => ({ ...value, [key]: variant })),
  );
}

const simple = Event.fromPartial({
  event: { timeUnixNano: 1_700_000_000_000_000_000n, action: "executed", category: ["process"] },
  process: { pid: 7, executable: "/bin/ls", args: ["ls", "-l"] },
  files: [{ path: "/bin/ls" }],
  audit: { serial: 9, records: [{ type: 1300, layout: "arch" }] },
});

describe("encodeColumns and ColumnBlock", () => {
  it("give back every event deeply equal", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 12 }), (events) => {
        const decoded = new ColumnBlock(encodeColumns(events), position).events();
        assert.deepEqual(decoded, events.map(placed));
      }),
      { numRuns: 400 },
    );
  });

  it("tell events apart that differ in one single value", () => {
    const full = Event.fromPartial({
      event: { timeUnixNano: 1n, kind: "k", category: ["c"], type: ["t"], action: "a", outcome: "o" },
      host: { id: "h", name: "n", bootId: "b", architecture: "a", osName: "o", osVersion: "v", kernel: "k", ip: ["i"] },
      process: {
        entityId: "e",
        pid: 1,
        name: "n",
        executable: "x",
        args: ["a"],
        workingDirectory: "w",
        title: "t",
        startUnixNano: 1n,
        tty: "y",
        provenance: "p",
        sessionId: 1,
        argsCount: 1,
        parent: { entityId: "f", pid: 2, name: "m" },
        ancestry: [{ entityId: "f", pid: 2, name: "m", executable: "x" }],
      },
      user: {
        id: 1,
        name: "n",
        effectiveId: 1,
        effectiveName: "e",
        savedId: 1,
        filesystemId: 1,
        auditId: 1,
        auditName: "a",
        targetName: "t",
        group: { id: 1, name: "g", effectiveId: 1, savedId: 1, filesystemId: 1 },
      },
      files: [
        {
          path: "p",
          name: "n",
          inode: 1n,
          device: "d",
          mode: 1,
          uid: 1,
          owner: "o",
          gid: 1,
          group: "g",
          targetDevice: "t",
          item: 1,
          nametype: "n",
          hasAttributes: true,
          relativeTo: "r",
        },
      ],
      source: { address: "a", ip: "i", port: 1, path: "p", family: "f", domain: "d" },
      destination: { address: "a", ip: "i", port: 1, path: "p", family: "f", domain: "d" },
      container: { id: "i", runtime: "r", systemdUnit: "s" },
      cloud: {
        provider: "p",
        accountId: "a",
        region: "r",
        availabilityZone: "z",
        instanceId: "i",
        machineType: "m",
      },
      audit: {
        serial: 1,
        node: "n",
        partial: "p",
        keys: ["k"],
        syscall: { arch: 1, number: 1, name: "n", success: "s", exit: 1n, arguments: [1n], items: 1, archName: "a" },
        records: [{ type: 1, typeName: "t", layout: "l", fields: [{ key: "k", value: "v" }] }],
      },
    });
    const variants = variantsOf(full) as Event[];
    assert.ok(variants.length > 90, `${variants.length} variants`);
    for (const variant of variants) {
      const events = [full, variant, full];
      assert.deepEqual(new ColumnBlock(encodeColumns(events), position).events(), events.map(placed));
    }
  });

  it("give back events that share their rows, as an agent hands them in", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { minLength: 1, maxLength: 4 }), (few) => {
        const events = Array.from({ length: 40 }, (_, index) => few[index % few.length] as Event);
        assert.deepEqual(new ColumnBlock(encodeColumns(events), position).events(), events.map(placed));
      }),
      { numRuns: 60 },
    );
  });

  it("are the same bytes for the same events, whichever objects these share", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { minLength: 1, maxLength: 4 }), fc.infiniteStream(fc.nat()), (few, picks) => {
        const shared = Array.from({ length: 30 }, () => few[(picks.next().value as number) % few.length] as Event);
        const columns = encodeColumns(shared);
        const apart = shared.map((event) => structuredClone(event));
        assert.deepEqual(encodeColumns(apart), columns, "each event with objects of its own");
        // Some share, some do not: as a block's reader has them, or whoever puts blocks together.
        const mixed = shared.map((event, index) => (index % 3 === 0 ? structuredClone(event) : event));
        assert.deepEqual(encodeColumns(mixed), columns, "some events with objects of their own");
        assert.deepEqual(encodeColumns(new ColumnBlock(columns, position).events()), columns, "encoded again");
      }),
      { numRuns: 60 },
    );
  });

  it("write what the generated protobuf code reads, and nothing it does not know", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 6 }), (events) => {
        const bytes = encodeColumns(events);
        const message = EventColumns.decode(bytes);
        assert.equal(message.count, events.length);
        // Encoding it again by generated code leads to the same events: no field was lost on the way.
        const again = EventColumns.encode(message).finish();
        assert.deepEqual(new ColumnBlock(again, position).events(), events.map(placed));
      }),
      { numRuns: 100 },
    );
  });

  it("name events across a carry, and at the end of 64 bits", () => {
    for (const firstSeq of [0n, 0xffen, 0xfffffffen, 0xffffffffffen, (1n << 64n) - 4n]) {
      const events = new ColumnBlock(encodeColumns([simple, simple, simple]), { ...position, firstSeq }).events();
      assert.deepEqual(
        events.map((event) => event.id),
        [0n, 1n, 2n].map((more) => eventId(hostId, position.epoch, firstSeq + more)),
      );
      assert.deepEqual(
        events.map((event) => event.event?.sequence),
        [0n, 1n, 2n].map((more) => firstSeq + more),
      );
    }
  });

  it("refuse more events than a block may hold", () => {
    const events = new Array<Event>(EVENTS_MAX + 1).fill(simple);
    assert.throws(() => encodeColumns(events), /at most 2000 events, not 2001/);
  });
});

describe("a sealed block", () => {
  const sealed = sealBlock([simple, simple], options, nodePrimitives, sign);

  it("opens to its events, with hash and signature right", () => {
    const parsed = parseBlock(sealed.bytes);
    checkSignature(parsed, verify);
    assert.deepEqual(openBlock(parsed, nodePrimitives).events(), [simple, simple].map(placed));
  });

  it("names the previous header, so that blocks form a chain", () => {
    const next = sealBlock(
      [simple],
      { ...options, firstSeq: 102n, previousHeaderSha256: sealed.headerSha256 },
      nodePrimitives,
      sign,
    );
    const { header } = parseBlock(next.bytes);
    assert.deepEqual(
      Buffer.from(header.previousHeaderSha256),
      Buffer.from(nodePrimitives.sha256(parseBlock(sealed.bytes).block.header)),
    );
  });

  it("gives no other events for a single altered byte, and tells of it by a typed error", () => {
    let told = 0;
    for (let at = 0; at < sealed.bytes.length; at++) {
      const altered = Uint8Array.from(sealed.bytes);
      altered[at] = (altered[at] ?? 0) ^ 0x41;
      try {
        const parsed = parseBlock(altered);
        checkSignature(parsed, verify);
        // What lies compressed may be altered in ways that change nothing of what was signed.
        assert.deepEqual(openBlock(parsed, nodePrimitives).events(), [simple, simple].map(placed), `byte ${at}`);
      } catch (error) {
        assert.ok(error instanceof BlockError, String(error));
        told++;
      }
    }
    assert.ok(told >= sealed.bytes.length - 4, `${told} of ${sealed.bytes.length}`);
  });

  it("is the same block however its columns are compressed", () => {
    const { block } = parseBlock(sealed.bytes);
    const columns = columnsOf(parseBlock(sealed.bytes), nodePrimitives);
    const payload = zstdCompressSync(columns, { params: { [constants.ZSTD_c_compressionLevel]: 19 } });
    const others = [
      { ...block, payload },
      { ...block, payload: columns, codec: Codec.NONE },
    ];
    for (const other of others) {
      const parsed = parseBlock(Block.encode(other).finish());
      checkSignature(parsed, verify);
      assert.deepEqual(openBlock(parsed, nodePrimitives).events(), [simple, simple].map(placed));
    }
  });

  it("is refused where its codec is not known", () => {
    const { block } = parseBlock(sealed.bytes);
    for (const codec of [0, 3]) {
      assert.throws(() => parseBlock(Block.encode({ ...block, codec: codec as Codec }).finish()), {
        code: "BLOCK_MALFORMED",
      });
    }
  });

  it("shows every truncation, by a typed error", () => {
    for (let length = 0; length < sealed.bytes.length; length++) {
      assert.throws(() => {
        const parsed = parseBlock(sealed.bytes.subarray(0, length));
        checkSignature(parsed, verify);
        openBlock(parsed, nodePrimitives);
      }, BlockError);
    }
  });

  it("is refused when signed by another host's key", () => {
    const other = signerOf(
      generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
    );
    const foreign = sealBlock([simple], options, nodePrimitives, other);
    assert.throws(() => checkSignature(parseBlock(foreign.bytes), verify), { code: "SIGNATURE_INVALID" });
  });

  it("is refused when larger than the limit", () => {
    assert.throws(() => parseBlock(new Uint8Array(BLOCK_BYTES_MAX + 1)), { code: "BLOCK_TOO_LARGE" });
  });

  it("does not decompress past what its header says", () => {
    const { block, header } = parseBlock(sealed.bytes);
    const bomb = nodePrimitives.compress(new Uint8Array(8 * 1024 * 1024));
    assert.throws(() => openBlock({ block: { ...block, payload: bomb }, header }, nodePrimitives), {
      code: "PAYLOAD_MALFORMED",
    });
  });
});

describe("fuzzed bytes", () => {
  it("never do anything but throw a BlockError in parseBlock", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          parseBlock(bytes);
        } catch (error) {
          assert.ok(error instanceof BlockError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("never do anything but throw a BlockError in ColumnBlock, also when close to a real payload", () => {
    const real = encodeColumns([simple, simple, simple]);
    const edits = fc.array(fc.tuple(fc.nat(real.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(edits, fc.nat(real.length), (changes, length) => {
        const bytes = Uint8Array.from(real);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          new ColumnBlock(length % 2 === 0 ? bytes : bytes.subarray(0, length), position).events();
        } catch (error) {
          assert.ok(error instanceof BlockError, String(error));
        }
      }),
      { numRuns: 5000 },
    );
  });

  it("cannot make a block claim more bytes than it has", () => {
    const { block } = parseBlock(sealBlock([simple], options, nodePrimitives, sign).bytes);
    const bytes = Block.encode({ ...block, header: new Uint8Array(2000) }).finish();
    assert.throws(() => parseBlock(bytes), { code: "HEADER_INVALID" });
  });
});
