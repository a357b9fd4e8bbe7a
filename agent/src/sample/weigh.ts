/** What events come to at rest: the first blocks of a sample, merged as the collector merges them. */
import { mergeBlocks, type MergePart, openBlock, parseBlock, SEGMENT_EVENTS_MAX } from "@hosttrail/lib/block";
import type { Weight } from "@hosttrail/lib/cost";
import { nodePrimitives } from "@hosttrail/lib/crypto";

/** Bytes of blocks that are kept for it. */
const KEPT_BYTES_MAX = 8 * 1024 * 1024;
/** Shares of what was kept that are weighed by themselves: they tell how size grows. */
const SHARES = [1 / 4, 1 / 2, 1] as const;
/** Bytes of a fingerprint, as text: each block keeps its signer's. */
const SIGNER = "0".repeat(64);

export class Scales {
  readonly #blocks: Uint8Array[] = [];
  #events = 0;
  #bytes = 0;

  /** Keeps a sealed block while there is room; the others are like those before them. */
  keep(block: Uint8Array, events: number): void {
    if (this.#events + events > SEGMENT_EVENTS_MAX || this.#bytes + block.length > KEPT_BYTES_MAX) {
      // Blocks must follow each other: after one that is left out nothing fits.
      this.#bytes = KEPT_BYTES_MAX;
      return;
    }
    this.#blocks.push(block);
    this.#events += events;
    this.#bytes += block.length;
  }

  /** Ascending by events; empty where nothing was kept. */
  weights(): Weight[] {
    const counts = new Set(SHARES.map((share) => Math.ceil(this.#blocks.length * share)));
    return [...counts].filter((count) => count > 0).map((count) => weightOf(this.#blocks.slice(0, count)));
  }
}

function weightOf(blocks: readonly Uint8Array[]): Weight {
  let left = blocks.map((bytes): MergePart => {
    const parsed = parseBlock(bytes);
    return {
      parsed,
      events: openBlock(parsed, nodePrimitives),
      headerSha256: nodePrimitives.sha256(parsed.block.header),
      receivedMs: Number(parsed.header.lastTimeUnixNano / 1_000_000n),
      signer: SIGNER,
      status: "continues",
    };
  });
  const [first] = left;
  if (first === undefined) throw new Error("nothing to weigh");
  const events = left.reduce((sum, { parsed }) => sum + parsed.header.count, 0);
  let bytes = 0;
  while (left.length > 0) {
    const { segment, apart, rest } = mergeBlocks(first.parsed.header, left, nodePrimitives);
    bytes += segment?.bytes.length ?? 0;
    // A block that cannot be made again from its events is kept as it is.
    for (const { part } of apart) bytes += part.parsed.block.payload.length + part.parsed.block.header.length;
    left = segment === undefined ? [] : rest;
  }
  return { events, blocks: blocks.length, bytes };
}
