/** What can befall a broker's files behind its back. */
import { closeSync, openSync, readdirSync, readSync, statSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "./random.ts";

/** Files of messages of all streams of blocks below a node's store. */
export function blockFiles(store: string): string[] {
  return readdirSync(store, { recursive: true, encoding: "utf8" })
    .filter((file) => /HOSTTRAIL_BLOCKS_\d+\/msgs\/\d+\.blk$/.test(file))
    .map((file) => join(store, file))
    .filter((file) => statSync(file).size > 0);
}

/** Flips one bit somewhere in a file. */
export function flipBit(file: string, random: Random): void {
  const at = Math.floor(random.next() * statSync(file).size);
  const handle = openSync(file, "r+");
  try {
    const byte = Buffer.alloc(1);
    readSync(handle, byte, 0, 1, at);
    byte[0] = (byte[0] ?? 0) ^ (1 << Math.floor(random.next() * 8));
    writeSync(handle, byte, 0, 1, at);
  } finally {
    closeSync(handle);
  }
}

/** Cuts some of a file's end off, as a disk that had not written it yet. */
export function cutEnd(file: string, random: Random): void {
  truncateSync(file, Math.floor(random.next() * statSync(file).size));
}
