/** Frames of a link as a hostile host would send them: changed, left out, turned around, or of another stream. */
import assert from "node:assert/strict";
import { BlockError, LinkError, LinkReader, LinkWriter, openBlock, parseBlock, sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { Event } from "@hosttrail/proto/event";
import type { Random } from "./random.ts";

const WINDOWS = [1, 64, 1000, 16 * 1024] as const;
const ABOUT = { hostId: "0".repeat(32), epoch: 1n, bootId: "", agentVersion: "", flags: 0 };

const BLOCKS = Array.from({ length: 6 }, (_, index) => {
  const event = Event.fromPartial({
    event: { timeUnixNano: BigInt(index), action: "executed" },
    process: { pid: index, executable: "/bin/ls", args: ["ls", "-l", "x".repeat(index * 300)] },
  });
  const place = { ...ABOUT, firstSeq: BigInt(index), previousHeaderSha256: new Uint8Array(0) };
  return sealBlock([event], place, nodePrimitives, () => new Uint8Array(64)).bytes;
});

const FRAMES = WINDOWS.map((window) => {
  const writer = new LinkWriter(window, nodePrimitives);
  return BLOCKS.map((block) => writer.pack(block) ?? new Uint8Array(0));
});

/** One stream of a few frames. */
export function readMutatedLink(random: Random): void {
  const at = random.next(WINDOWS.length);
  const reader = new LinkReader(WINDOWS[at] ?? 1, nodePrimitives);
  const frames = FRAMES[random.next(8) === 0 ? random.next(WINDOWS.length) : at] ?? [];
  for (let count = 1 + random.next(frames.length); count > 0; count--) {
    const frame = Uint8Array.from(random.next(4) === 0 ? random.pick(frames) : (frames[frames.length - count] ?? []));
    for (let changes = random.next(3); changes > 0 && frame.length > 0; changes--)
      frame[random.next(frame.length)] = random.next(256);
    const cut = random.next(12) === 0 ? frame.subarray(0, random.next(frame.length + 1)) : frame;
    try {
      const parsed = parseBlock(reader.unpack(cut));
      openBlock(parsed, nodePrimitives).events();
    } catch (error) {
      // The stream ends where a frame cannot be decompressed; a block alone is refused where it is not what it says.
      if (error instanceof LinkError) return;
      assert.ok(error instanceof BlockError, String(error));
    }
  }
}
