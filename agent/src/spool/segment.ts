/**
 * Segment files: sealed blocks one after the other, each behind a small frame.
 *
 *     4 bytes  "HTB1"
 *     4 bytes  length of the block, little-endian
 *     4 bytes  CRC-32 of the block, little-endian
 *     n bytes  the serialized Block
 */
import { crc32 } from "node:zlib";
import { BLOCK_BYTES_MAX, hex64 } from "@hosttrail/lib/block";

export const FRAME_HEADER_BYTES = 12;
const MAGIC = Buffer.from("HTB1", "latin1");

/** Names a block among those of its host: `<epoch>-<first seq>`, 16 hex digits each. */
export function blockKey(epoch: bigint, firstSeq: bigint): string {
  return `${hex64(epoch)}-${hex64(firstSeq)}`;
}

const KEY = /^[0-9a-f]{16}-[0-9a-f]{16}$/;
export function isBlockKey(value: unknown): value is string {
  return typeof value === "string" && KEY.test(value);
}

/** The frame's header for a block. */
export function frameHeader(block: Uint8Array): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(block.length, 4);
  header.writeUInt32LE(crc32(block), 8);
  return header;
}

/** A stretch of a segment: a whole block, or bytes that are none. */
export type Stretch =
  | { kind: "block"; offset: number; bytes: Buffer }
  | { kind: "corrupt"; offset: number; length: number };

/** Walks through a segment. After damage it goes on at the next whole frame, so one bad block costs one block. */
export function scanSegment(content: Buffer): Stretch[] {
  const stretches: Stretch[] = [];
  let at = 0;
  let corruptFrom = -1;
  const endCorrupt = (): void => {
    if (corruptFrom >= 0) stretches.push({ kind: "corrupt", offset: corruptFrom, length: at - corruptFrom });
    corruptFrom = -1;
  };
  while (at < content.length) {
    const block = blockAt(content, at);
    if (block !== undefined) {
      endCorrupt();
      stretches.push({ kind: "block", offset: at, bytes: block });
      at += FRAME_HEADER_BYTES + block.length;
      continue;
    }
    if (corruptFrom < 0) corruptFrom = at;
    const next = content.indexOf(MAGIC, at + 1);
    at = next < 0 ? content.length : next;
  }
  endCorrupt();
  return stretches;
}

function blockAt(content: Buffer, at: number): Buffer | undefined {
  if (content.length - at < FRAME_HEADER_BYTES || content.compare(MAGIC, 0, 4, at, at + 4) !== 0) return undefined;
  const length = content.readUInt32LE(at + 4);
  const start = at + FRAME_HEADER_BYTES;
  if (length > BLOCK_BYTES_MAX || start + length > content.length) return undefined;
  const block = content.subarray(start, start + length);
  return crc32(block) === content.readUInt32LE(at + 8) ? block : undefined;
}
