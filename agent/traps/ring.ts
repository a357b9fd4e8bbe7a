/** A ring as a process leaves it that ended before it spooled anything, made of any records. See agent/native/ring.h. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";

const HEADER_BYTES = 1024 * 1024;
const FRAME_HEADER_BYTES = 8;

/** A record as it lies in the ring: its type, and its text with the stamp before it, in Latin-1. */
export function frameOf(type: number, text: string): Buffer {
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + text.length);
  frame.writeUInt16LE(type, 0);
  frame.writeUInt32LE(text.length, 4);
  frame.write(text, FRAME_HEADER_BYTES, "latin1");
  return frame;
}

export interface RingContent {
  bootId: string;
  ringBytes: number;
  frames: readonly Buffer[];
}

/** Writes the file that a source with this boot id and size goes on with. */
export function writeRing(path: string, { bootId, ringBytes, frames }: RingContent): void {
  const length = frames.reduce((sum, frame) => sum + frame.length, 0);
  assert.ok(length <= ringBytes, `${length} bytes fit the ring`);
  const header = Buffer.alloc(HEADER_BYTES);
  header.write("HTRING02", 0, "latin1");
  header.write(bootId, 8, "latin1");
  header.writeBigUInt64LE(BigInt(ringBytes), 48);
  header.writeBigUInt64LE(BigInt(length), 56);
  writeFileSync(path, Buffer.concat([header, ...frames]), { mode: 0o600 });
}
