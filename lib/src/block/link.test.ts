import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { Codec } from "@hosttrail/proto/block";
import { Event } from "@hosttrail/proto/event";
import fc from "fast-check";
import { nodePrimitives, signerOf } from "../crypto/index.ts";
import { LINKED_COLUMNS_MAX, LinkError, LinkReader, LinkWriter, openBlock, parseBlock, sealBlock } from "./index.ts";

const sign = signerOf(generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString());
const about = {
  hostId: "0123456789abcdef0123456789abcdef",
  epoch: 7n,
  bootId: "5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13",
  agentVersion: "1",
  flags: 0,
  previousHeaderSha256: new Uint8Array(0),
};

function blockOf(firstSeq: number, args: readonly string[]): Uint8Array {
  const event = Event.fromPartial({
    event: { timeUnixNano: 1_700_000_000_000_000_000n + BigInt(firstSeq), action: "executed" },
    process: { pid: firstSeq, executable: "/usr/bin/some-program", args: [...args] },
  });
  return sealBlock([event], { ...about, firstSeq: BigInt(firstSeq) }, nodePrimitives, sign).bytes;
}

/** Checks that a block came over as it was. */
function same(sent: Uint8Array, come: Uint8Array): void {
  const [one, other] = [parseBlock(sent), parseBlock(come)];
  assert.deepEqual(Buffer.from(other.block.header), Buffer.from(one.block.header));
  assert.deepEqual(Buffer.from(other.block.signature), Buffer.from(one.block.signature));
  assert.equal(other.block.codec, Codec.NONE);
  assert.deepEqual(openBlock(other, nodePrimitives).events(), openBlock(one, nodePrimitives).events());
}

describe("a link", () => {
  it("gives back every block, whatever was before it and however much is kept", () => {
    const args = fc.array(
      fc.oneof(
        fc.string(),
        fc.integer({ min: 0, max: 9000 }).map((n) => "x".repeat(n)),
      ),
      {
        maxLength: 4,
      },
    );
    fc.assert(
      fc.property(fc.array(args, { maxLength: 40 }), fc.integer({ min: 1, max: 5000 }), (list, window) => {
        const writer = new LinkWriter(window, nodePrimitives);
        const reader = new LinkReader(window, nodePrimitives);
        for (const [index, words] of list.entries()) {
          const block = blockOf(index, words);
          const frame = writer.pack(block);
          assert.ok(frame !== undefined);
          same(block, reader.unpack(frame));
        }
      }),
      { numRuns: 60 },
    );
  });

  it("compresses after a zero byte and just the last bytes of the window, as the proto says", () => {
    for (const window of [1, 100, 1024, 5000, 16 * 1024]) {
      const writer = new LinkWriter(window, nodePrimitives);
      let before = Buffer.alloc(0);
      for (let index = 0; index < 40; index++) {
        const block = blockOf(index, [`${index}`, "y".repeat((index * 997) % 3000)]);
        const frame = writer.pack(block);
        assert.ok(frame !== undefined);
        const known = before.length === 0 ? undefined : Buffer.concat([Buffer.of(0), before.subarray(-window)]);
        const plain = nodePrimitives.decompress(frame, 100_000, known);
        same(block, plain);
        before = Buffer.concat([before, plain]);
      }
    }
  });

  it("sends a block like those before it in a fraction of its bytes", () => {
    const writer = new LinkWriter(16 * 1024, nodePrimitives);
    const sizes = [1, 2, 3].map((index) => {
      const block = blockOf(index, ["the", "same", "words", "again", "and", "again", `but ${index}`]);
      return { whole: block.length, frame: writer.pack(block)?.length ?? 0 };
    });
    const [, , last] = sizes;
    assert.ok(last !== undefined && last.frame < last.whole - 60, JSON.stringify(sizes));
  });

  it("leaves large blocks as they are", () => {
    const writer = new LinkWriter(1024, nodePrimitives);
    assert.equal(writer.pack(blockOf(0, ["x".repeat(LINKED_COLUMNS_MAX)])), undefined);
  });

  it("tells where frames are missing, or turned around", () => {
    const words = Array.from({ length: 30 }, (_, at) => `word-${at * 7919}`);
    const frames = (): Uint8Array[] => {
      const writer = new LinkWriter(4096, nodePrimitives);
      return [1, 2].map((index) => writer.pack(blockOf(index, words)) ?? new Uint8Array(0));
    };
    const [first = new Uint8Array(0), second = new Uint8Array(0)] = frames();
    const wrong = (...list: Uint8Array[]): void => {
      const reader = new LinkReader(4096, nodePrimitives);
      // What decompresses to something else is no block with the signed hash.
      assert.throws(() => list.map((frame) => openBlock(parseBlock(reader.unpack(frame)), nodePrimitives)));
    };
    wrong(second);
    wrong(second, first);
    assert.throws(() => new LinkReader(4096, nodePrimitives).unpack(Uint8Array.of(1, 2, 3)), LinkError);
  });

  it("takes no frame that stands for more than a linked block", () => {
    const bomb = nodePrimitives.compress(new Uint8Array(8 * 1024 * 1024));
    assert.throws(() => new LinkReader(4096, nodePrimitives).unpack(bomb), LinkError);
  });

  it("is no dictionary with a format, whatever the first block begins with", () => {
    // The number with which a zstd dictionary begins (RFC 8878, 5), where what is kept begins.
    const magic = Uint8Array.of(0x37, 0xa4, 0x30, 0xec);
    for (let shift = 0; shift < 6; shift++) {
      const plain = Buffer.concat([Buffer.alloc(shift, 1), ...Array.from({ length: 40 }, () => magic)]);
      const reader = new LinkReader(64, nodePrimitives);
      reader.unpack(nodePrimitives.compress(plain));
      const next = new LinkWriter(64, nodePrimitives);
      assert.ok(next.pack(blockOf(1, ["a"])) !== undefined);
      reader.unpack(nodePrimitives.compress(Buffer.from("after it")));
    }
  });
});
