/** A block within a segment file: what is read is what was written, or it is told. */
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { FRAME_HEADER_BYTES, frameHeader } from "./segment.ts";

/** What is on the disk is not what was written there. */
export class DamagedError extends Error {
  override readonly name = "DamagedError";
  /** What is there instead. */
  readonly bytes: Buffer;

  constructor(message: string, bytes: Buffer) {
    super(message);
    this.bytes = bytes;
  }
}

/** Appends a block. Throws what the disk says; then a part of it may be there. */
export function writeFrame(file: number, block: Uint8Array): void {
  writeAll(file, frameHeader(block));
  writeAll(file, block);
}

function writeAll(file: number, bytes: Uint8Array): void {
  let at = 0;
  // A disk that is nearly full may take a part.
  while (at < bytes.length) at += writeSync(file, bytes, at);
}

/** The block of `length` bytes behind its frame. Throws a DamagedError where it is another one, or what the disk says. */
export function readFrame(path: string, offset: number, length: number): Buffer {
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + length);
  const file = openSync(path, "r");
  let count: number;
  try {
    count = readSync(file, frame, 0, frame.length, offset);
  } finally {
    closeSync(file);
  }
  const there = frame.subarray(0, count);
  const block = frame.subarray(FRAME_HEADER_BYTES);
  if (count === frame.length && frameHeader(block).equals(frame.subarray(0, FRAME_HEADER_BYTES))) return block;
  throw new DamagedError(`${path}: the block at ${offset} is not what was written there`, there);
}
