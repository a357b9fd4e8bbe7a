import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { nodePrimitives } from "./index.ts";

const compress = (...given: Parameters<typeof nodePrimitives.compress>): Uint8Array =>
  nodePrimitives.compress(...given);
const decompress = (...given: Parameters<typeof nodePrimitives.decompress>): Uint8Array =>
  nodePrimitives.decompress(...given);
const MEGABYTE = 1024 * 1024;
/** Sizes around which a frame says its size in more bytes. */
const SIZES = [0, 1, 63, 64, 255, 256, 257, 4096, 65_791, 65_792, 300_000, 3 * MEGABYTE];

describe("zstd", () => {
  it("gives back what went in, and keeps not much more memory than that", () => {
    const context = randomBytes(5000);
    for (const known of [undefined, context]) {
      for (const size of SIZES) {
        const bytes = randomBytes(size);
        const plain = decompress(compress(bytes, known), 4 * MEGABYTE, known);
        assert.ok(bytes.equals(plain), `${size} bytes`);
        // Small ones share a buffer of Node's pool.
        const most = Math.max(Buffer.poolSize, size + 64);
        assert.ok(plain.buffer.byteLength <= most, `${plain.buffer.byteLength} bytes are kept for ${size}`);
      }
    }
  });

  it("opens frames that do not say how much they stand for", () => {
    for (const size of SIZES) {
      const bytes = randomBytes(size);
      assert.ok(bytes.equals(decompress(zstdCompressSync(bytes), 4 * MEGABYTE)), `${size} bytes`);
    }
  });

  it("gives no more than is allowed, whatever a frame says", () => {
    for (const size of SIZES.filter((each) => each > 1)) {
      assert.throws(() => decompress(compress(randomBytes(size)), size - 1), `${size} bytes`);
    }
    // It says 2^62 bytes, in eight bytes after its window.
    const absurd = Buffer.concat([
      Buffer.from("28b52ffdc000", "hex"),
      Buffer.from("0000000000000040", "hex"),
      Buffer.from("010000", "hex"),
    ]);
    // Node takes an end for an end; what matters is that nobody makes room for so much.
    assert.equal(decompress(absurd, 1000).length, 0);
  });

  it("throws for what is no frame, however short", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.boolean(), (bytes, isFrame) => {
        const frame = isFrame ? Buffer.concat([Buffer.from("28b52ffd", "hex"), bytes]) : bytes;
        try {
          assert.ok(decompress(frame, 1000).length <= 1000);
        } catch (error) {
          assert.ok(error instanceof Error && !(error instanceof assert.AssertionError));
        }
      }),
    );
  });
});
