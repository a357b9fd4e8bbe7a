/** What is in a segment of a spool, for the world to know what is lost with it. */
import { scanSegment } from "@hosttrail/agent/spool";
import { BlockError, openBlock, parseBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { nameOfEvent } from "./ring.ts";

export interface SpooledBlock {
  key: string;
  /** Bytes of the segment, its frame included. */
  from: number;
  to: number;
  /** `<epoch> <seq>` of each event. */
  numbers: string[];
  /** Names of the events that the kernel gave. */
  events: string[];
}

/** Bytes before each block; see agent/src/spool/segment.ts. */
const FRAME_BYTES = 12;

/** Blocks that can be read. */
export function blocksOf(segment: Buffer): SpooledBlock[] {
  return scanSegment(segment).flatMap((stretch) => {
    if (stretch.kind !== "block") return [];
    const { offset, bytes } = stretch;
    try {
      const parsed = parseBlock(bytes);
      const { epoch, firstSeq, count } = parsed.header;
      const { time, serial } = openBlock(parsed, nodePrimitives).columns;
      const events = Array.from(time, (timeNano, at) => ({
        timeMs: Number(timeNano / 1_000_000n),
        serial: serial[at] ?? 0,
      }));
      return {
        key: `${epoch}-${firstSeq}`,
        from: offset,
        to: offset + FRAME_BYTES + bytes.length,
        numbers: Array.from({ length: count }, (_, at) => `${epoch} ${firstSeq + BigInt(at)}`),
        events: events.filter((event) => event.serial !== 0).map(nameOfEvent),
      };
    } catch (error) {
      if (error instanceof BlockError) return [];
      throw error;
    }
  });
}
