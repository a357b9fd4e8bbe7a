/** Events as blocks, for tests: as history would give them. */
import { readFileSync } from "node:fs";
import { zstdDecompressSync } from "node:zlib";
import { ColumnBlock, encodeColumns } from "@hosttrail/lib/block";
import type { Event } from "@hosttrail/proto/event";

const TEST_HOST: string = "0".repeat(32);
const BLOCK_EVENTS = 700;

/** Hosts whose work was recorded, by what they do. */
export const ROLES = ["admin", "build", "web"] as const;
const TRAILS = new URL("../../../bench/trails/", import.meta.url);
const LENGTH_BYTES = 4;

/** Events of a recorded trail, in the order in which they were sealed: a file of columns, each after its length. */
export function readTrail(role: (typeof ROLES)[number]): Event[] {
  const bytes = zstdDecompressSync(readFileSync(new URL(`${role}.zst`, TRAILS)));
  const events: Event[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + LENGTH_BYTES + bytes.readUInt32LE(at);
    const place = { hostId: TEST_HOST, epoch: 0n, firstSeq: 0n };
    events.push(...new ColumnBlock(bytes.subarray(at + LENGTH_BYTES, end), place).events());
    at = end;
  }
  return events;
}

/** Blocks of up to 700 events, numbered one after the other from 0. */
export function blocksOf(events: readonly Event[]): ColumnBlock[] {
  const blocks: ColumnBlock[] = [];
  for (let at = 0; at < events.length; at += BLOCK_EVENTS) {
    const place = { hostId: TEST_HOST, epoch: 0n, firstSeq: BigInt(at) };
    blocks.push(new ColumnBlock(encodeColumns(events.slice(at, at + BLOCK_EVENTS)), place));
  }
  return blocks;
}

export function allOf({ count }: ColumnBlock): number[] {
  return Array.from({ length: count }, (_, event) => event);
}
