import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { Block, Codec, EventColumns } from "@hosttrail/proto/block";
import { Event } from "@hosttrail/proto/event";
import { Segment } from "@hosttrail/proto/segment";
import fc from "fast-check";
import { nodePrimitives, signerOf, verifierOf } from "../../crypto/index.ts";
import { anyEvent } from "../arbitrary.ts";
import {
  BlockError,
  checkSignature,
  columnsOf,
  encodeEvents,
  encodeHeader,
  type Header,
  type Merged,
  mergeBlocks,
  type MergePart,
  openBlock,
  parseBlock,
  SegmentReader,
  sealEncoded,
} from "../index.ts";

const keys = generateKeyPairSync("ed25519");
const sign = signerOf(keys.privateKey.export({ format: "pem", type: "pkcs8" }).toString());
const verify = verifierOf(keys.publicKey);
const hostId = "0123456789abcdef0123456789abcdef";
const epoch = 7n;
const place = { hostId, epoch };
const BOOTS = ["5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13", "", "77c1d9aa-20be-4c0f-b1f5-93e8a6d0415e"];

function partOf(bytes: Uint8Array, receivedMs = 5): MergePart {
  const parsed = parseBlock(bytes);
  const headerSha256 = nodePrimitives.sha256(parsed.block.header);
  return {
    parsed,
    events: openBlock(parsed, nodePrimitives),
    headerSha256,
    receivedMs,
    signer: "s",
    status: "continues",
  };
}

/** A trail of blocks, each naming the one before, with these gaps in their numbers. */
function trailOf(list: readonly { events: readonly Event[]; gap: number; isBroken?: boolean }[]): MergePart[] {
  let firstSeq = 3n;
  let previousHeaderSha256: Uint8Array = new Uint8Array(0);
  return list.map(({ events, gap, isBroken = false }, index) => {
    firstSeq += BigInt(gap);
    const about = {
      hostId,
      epoch,
      firstSeq,
      bootId: BOOTS[index % BOOTS.length] ?? "",
      agentVersion: `1.${index % 2}`,
      flags: index % 3,
    };
    const { bytes, headerSha256 } = sealEncoded(
      encodeEvents(events),
      { ...about, previousHeaderSha256: isBroken ? new Uint8Array(32).fill(index) : previousHeaderSha256 },
      nodePrimitives,
      sign,
    );
    firstSeq += BigInt(events.length);
    previousHeaderSha256 = headerSha256;
    return partOf(bytes, 1_700_000_000_000 + index * 977);
  });
}

const simple = (word: string): Event =>
  Event.fromPartial({
    event: { timeUnixNano: 1_700_000_000_000_000_000n, action: "executed" },
    process: { pid: 7, executable: "/bin/ls", args: ["ls", word] },
  });

/** Checks that a segment gives back each block and each event. */
function assertSame(reader: SegmentReader, merged: readonly MergePart[]): void {
  assert.equal(reader.count, merged.length);
  const events: Event[] = [];
  for (const [index, { parsed, receivedMs, events: own }] of merged.entries()) {
    const again = reader.rebuild(index);
    assert.deepEqual(Buffer.from(again.headerBytes), Buffer.from(parsed.block.header));
    assert.deepEqual(Buffer.from(again.columns), Buffer.from(columnsOf(parsed, nodePrimitives)));
    const block = Block.create({ header: again.headerBytes, signature: again.signature });
    checkSignature({ block, header: again.header }, verify);
    assert.equal(reader.block(index).receivedMs, receivedMs);
    for (let at = 0; at < own.count; at++) events.push(own.event(at));
  }
  assert.deepEqual(reader.events.events(), events);
  for (const [index, event] of events.entries())
    assert.equal(reader.eventAt(event.event?.sequence ?? -1n) ?? index, index);
}

/** Merges all, into as many segments as it takes. */
function assertAllMerged(parts: readonly MergePart[]): void {
  const merged: MergePart[] = [];
  for (let left = parts; left.length > 0; ) {
    const result: Merged<MergePart> = mergeBlocks(place, left, nodePrimitives);
    assert.deepEqual(
      result.apart.map(({ reason }) => reason),
      [],
    );
    assert.ok(result.segment !== undefined);
    assertSame(new SegmentReader(result.segment.bytes, nodePrimitives), result.merged);
    merged.push(...result.merged);
    left = result.rest;
  }
  assert.deepEqual(merged, parts);
}

describe("a segment", () => {
  it("gives back every block byte for byte, and every event", () => {
    const block = fc.record({
      events: fc.array(anyEvent, { minLength: 1, maxLength: 3 }),
      gap: fc.oneof(fc.constant(0), fc.nat(5000)),
      isBroken: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(block, { minLength: 1, maxLength: 12 }), (list) => {
        assertAllMerged(trailOf(list));
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });

  it("makes any one of many blocks again, without all before it", () => {
    const parts = trailOf(Array.from({ length: 300 }, (_, at) => ({ events: [simple(`w${at}`)], gap: 0 })));
    const { segment, merged } = mergeBlocks(place, parts, nodePrimitives);
    assert.equal(merged.length, 300);
    const bytes = segment?.bytes ?? new Uint8Array(0);
    for (const index of [299, 0, 150, 64, 63]) {
      const again = new SegmentReader(bytes, nodePrimitives).rebuild(index);
      assert.deepEqual(Buffer.from(again.headerBytes), Buffer.from(parts[index]?.parsed.block.header ?? []));
    }
    assert.ok(bytes.length < 300 * (64 + 40), `${bytes.length} bytes`);
  });

  it("leaves out a block whose columns its events do not give, and one whose header says what is not so", () => {
    const [first, second, third] = trailOf([1, 2, 3].map((at) => ({ events: [simple(`w${at}`)], gap: 0 })));
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    // The same events by other code: well-formed, and in another order.
    const message = EventColumns.decode(columnsOf(second.parsed, nodePrimitives));
    const strings = message.strings;
    assert.ok(strings !== undefined);
    message.padding = [new Uint8Array(0), new Uint8Array(0)];
    const columns = EventColumns.encode(message).finish();
    const changed = (change: Partial<Header>, payload: Uint8Array): MergePart => {
      const header = encodeHeader({ ...second.parsed.header, ...change });
      const block = { ...second.parsed.block, header, payload, codec: Codec.NONE };
      return partOf(Block.encode(block).finish());
    };
    const other = changed({ columnsBytes: columns.length, columnsSha256: nodePrimitives.sha256(columns) }, columns);
    const wide = changed(
      { firstTimeUnixNano: second.parsed.header.firstTimeUnixNano - 5n },
      columnsOf(second.parsed, nodePrimitives),
    );
    for (const odd of [other, wide]) {
      const { segment, merged, apart, rest }: Merged<MergePart> = mergeBlocks(
        place,
        [first, odd, third],
        nodePrimitives,
      );
      assert.deepEqual(merged, [first, third]);
      assert.deepEqual(
        apart.map(({ part }) => part),
        [odd],
      );
      assert.equal(rest.length, 0);
      assert.ok(segment !== undefined);
      assertSame(segment.reader, merged);
    }
  });

  it("gives back what was padded to be taken", () => {
    const zeros = Array.from({ length: 2000 }, () => simple("0".repeat(3000)));
    const parts = trailOf([
      { events: [simple("a")], gap: 0 },
      { events: zeros, gap: 0 },
      { events: [Event.fromPartial({ process: { args: ["x".repeat(20_000_000)] } })], gap: 0 },
      { events: [simple("b")], gap: 0 },
    ]);
    assertAllMerged(parts);
  });

  it("ends where numbers come twice or another epoch begins", () => {
    const [first, second] = trailOf([1, 2].map((at) => ({ events: [simple(`w${at}`)], gap: 0 })));
    assert.ok(first !== undefined && second !== undefined);
    const result = mergeBlocks(place, [first, first, second], nodePrimitives);
    assert.deepEqual([result.merged.length, result.rest.length], [1, 2]);
  });

  it("keeps a fork's events under the fork's name, and its header's epoch", () => {
    const [part] = trailOf([{ events: [simple("fork")], gap: 0 }]);
    assert.ok(part !== undefined);
    const { segment } = mergeBlocks({ hostId, epoch: 99n }, [part], nodePrimitives);
    assert.match(segment?.reader.events.eventId(0) ?? "", /-0000000000000063-/);
    assert.deepEqual(Buffer.from(segment?.reader.rebuild(0).headerBytes ?? []), Buffer.from(part.parsed.block.header));
  });

  it("shows changed bytes by a typed error, or by blocks that are not what was signed", () => {
    const parts = trailOf(Array.from({ length: 5 }, (_, at) => ({ events: [simple(`w${at}`)], gap: at })));
    const bytes = mergeBlocks(place, parts, nodePrimitives).segment?.bytes ?? new Uint8Array(0);
    let told = 0;
    for (let at = 0; at < bytes.length; at++) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 0x15;
      try {
        const reader = new SegmentReader(changed, nodePrimitives);
        for (let index = 0; index < reader.count; index++) {
          const { header, headerBytes, signature } = reader.rebuild(index);
          checkSignature({ block: Block.create({ header: headerBytes, signature }), header }, verify);
        }
      } catch (error) {
        assert.ok(error instanceof BlockError || error instanceof RangeError, String(error));
        told++;
      }
    }
    // Some bits of a zstd frame mean nothing, and who signed and when it came is no part of what was signed.
    assert.ok(told > bytes.length * 0.9, `${told} of ${bytes.length}`);
  });

  it("is refused with numbers that do not fit together", () => {
    const parts = trailOf([{ events: [simple("a")], gap: 0 }]);
    const bytes = mergeBlocks(place, parts, nodePrimitives).segment?.bytes ?? new Uint8Array(0);
    const segment = Segment.decode(bytes);
    const refused = (change: Partial<Segment>, says: RegExp): void => {
      assert.throws(() => new SegmentReader(Segment.encode({ ...segment, ...change }).finish(), nodePrimitives), says);
    };
    refused({ formatVersion: 2 }, /format_version: 2; only 1/);
    refused({ hostId: new Uint8Array(3) }, /host_id: 3 bytes/);
    refused({ contentBytes: 1 << 30 }, /content_bytes: 1073741824; at most/);
    refused({ contentBytes: 5 }, /cannot be decompressed/);
    refused({ signatures: new Uint8Array(63) }, /signatures: 63 bytes for 1 blocks/);
    refused({ contentBytes: 0 }, /content: cannot be decompressed/);
    refused({ content: nodePrimitives.compress(Uint8Array.of(0x12, 0)), contentBytes: 2 }, /events: missing/);
    const bomb = nodePrimitives.compress(new Uint8Array(1 << 26));
    refused({ content: bomb }, /cannot be decompressed/);
    assert.throws(() => new SegmentReader(Uint8Array.of(255, 255), nodePrimitives), { code: "SEGMENT_MALFORMED" });
  });
});
