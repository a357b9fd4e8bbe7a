import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Windows } from "./windows.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

describe("windows of streams", () => {
  it("are whole for thousands of streams, smaller for more, and together what was given to them", () => {
    const windows = new Windows(8 * KIB, 48 * MIB);
    const taken = Array.from({ length: 10_000 }, () => windows.take());
    const streamsOf = (bytes: number): number => taken.filter((each) => each === bytes).length;
    assert.deepEqual(
      [8, 4, 2].map((kib) => streamsOf(kib * KIB)),
      [4097, 2047, 3856],
    );
    assert.ok(windows.bytes <= 48 * MIB, `${windows.bytes}`);
    assert.equal(
      windows.bytes,
      taken.reduce((sum, bytes) => sum + bytes, 0),
    );
  });

  it("grow again when streams have ended", () => {
    const windows = new Windows(8 * KIB, 48 * MIB);
    const taken = Array.from({ length: 10_000 }, () => windows.take());
    for (const bytes of taken.slice(0, 9000)) windows.giveBack(bytes);
    assert.equal(windows.take(), 8 * KIB);
  });

  it("are never too small to hold a block, however many streams there are, nor larger than asked for", () => {
    const windows = new Windows(16 * KIB, MIB);
    for (let stream = 0; stream < 2000; stream++) assert.equal(windows.take(), 2 * KIB);
    assert.equal(new Windows(1000, 48 * MIB).take(), 1000);
    assert.equal(new Windows(0, 48 * MIB).take(), 0);
  });
});
