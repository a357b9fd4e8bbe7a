/** Events as blocks, for tests: as history would give them. */
import { ColumnBlock, encodeColumns } from "@hosttrail/lib/block";
import type { Event } from "@hosttrail/proto/event";

export const TEST_HOST: string = "0".repeat(32);
const BLOCK_EVENTS = 700;

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
