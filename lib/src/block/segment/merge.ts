/** Merges blocks, and makes sure that each of them can be made again before anybody relies on it. */
import { BlockError } from "../error.ts";
import { paddingBetween } from "../padding.ts";
import type { BlockPrimitives } from "../seal.ts";
import { type RebuiltBlock, SegmentReader } from "./read.ts";
import { type SegmentPart, SegmentWriter } from "./write.ts";

export interface Merged<Part extends MergePart> {
  /** The serialized Segment and its reader; undefined where nothing could be merged. */
  segment: { bytes: Uint8Array; reader: SegmentReader } | undefined;
  /** What is in it, in its order. */
  merged: Part[];
  /** What cannot be made again from events, and why: an agent may write columns in another order than ours. */
  apart: { part: Part; reason: string }[];
  /** What did not fit, or comes after what did not. */
  rest: Part[];
}

export type MergePart = Omit<SegmentPart, "padding">;

/** Merges blocks of one host and epoch, given in the order of their numbers, as many as fit. */
export function mergeBlocks<Part extends MergePart>(
  place: { hostId: string; epoch: bigint },
  parts: readonly Part[],
  primitives: BlockPrimitives,
): Merged<Part> {
  const paddings = new Map<Part, number>();
  const apart = new Map<Part, string>();
  // Each turn settles at least one block's padding, or puts one apart.
  for (;;) {
    const { writer, merged, rest } = put(
      place,
      parts.filter((part) => !apart.has(part)),
      paddings,
    );
    if (merged.length === 0) return { segment: undefined, merged, apart: listOf(apart), rest };
    const bytes = writer.finish(primitives);
    const before = apart.size + paddings.size;
    const reader = check(bytes, merged, paddings, apart, primitives);
    if (reader !== undefined && apart.size + paddings.size === before)
      return { segment: { bytes, reader }, merged, apart: listOf(apart), rest };
  }
}

function listOf<Part>(apart: ReadonlyMap<Part, string>): { part: Part; reason: string }[] {
  return Array.from(apart, ([part, reason]) => ({ part, reason }));
}

function put<Part extends MergePart>(
  { hostId, epoch }: { hostId: string; epoch: bigint },
  parts: readonly Part[],
  paddings: ReadonlyMap<Part, number>,
): { writer: SegmentWriter; merged: Part[]; rest: Part[] } {
  const writer = new SegmentWriter(hostId, epoch);
  const merged: Part[] = [];
  for (const part of parts) {
    if (!writer.add({ ...part, padding: paddings.get(part) ?? 0 })) break;
    merged.push(part);
  }
  return { writer, merged, rest: parts.slice(merged.length) };
}

/** Makes every block again; notes what is to be done about those that differ. */
function check<Part extends MergePart>(
  bytes: Uint8Array,
  merged: readonly Part[],
  paddings: Map<Part, number>,
  apart: Map<Part, string>,
  primitives: BlockPrimitives,
): SegmentReader | undefined {
  let reader: SegmentReader;
  try {
    reader = new SegmentReader(bytes, primitives);
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    // Rather one large block by itself than a segment that nobody can open.
    const [heaviest] = merged.toSorted((a, b) => b.parsed.header.columnsBytes - a.parsed.header.columnsBytes);
    if (heaviest !== undefined) apart.set(heaviest, error.message);
    return undefined;
  }
  const rebuilt = merged.map((_part, index) => reader.rebuild(index));
  let differing = 0;
  for (const [index, part] of merged.entries()) {
    const again = rebuilt[index] as RebuiltBlock;
    if (same(again.header.columnsSha256, part.parsed.header.columnsSha256)) continue;
    differing++;
    const padding = paddingBetween(again.columns.length, part.parsed.header.columnsBytes);
    if (padding === undefined || padding === 0 || paddings.has(part))
      apart.set(part, "its columns are not what its events give");
    else paddings.set(part, padding);
  }
  if (differing > 0) return reader;
  // Each header names the one before it, so the first that differs may bring all after it along.
  const first = merged.findIndex((part, index) => {
    const again = rebuilt[index] as RebuiltBlock;
    return !same(again.headerBytes, part.parsed.block.header) || !same(again.signature, part.parsed.block.signature);
  });
  const part = merged[first];
  if (part !== undefined) apart.set(part, "its header is not what it says");
  return reader;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
