/** The hashes of a Merkle tree. Source: RFC 6962, section 2.1. */
import { sha256 } from "../crypto/index.ts";
import { concat } from "./text.ts";

/** Bytes of a hash. */
export const HASH_BYTES = 32;
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** What stands for an entry at the lowest level. */
export function leafHash(entry: Uint8Array): Uint8Array {
  return sha256(concat([LEAF, entry]));
}

/** What stands for two neighbours at the level above. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concat([NODE, left, right]));
}

/** The root of a tree without entries. */
export function emptyRoot(): Uint8Array {
  return sha256(new Uint8Array());
}

/** Largest power of two below `size`, which is 2 or more: where RFC 6962 divides a tree. */
export function splitOf(size: number): number {
  let half = 1;
  while (half * 2 < size) half *= 2;
  return half;
}

/** Root of a perfect tree above `hashes`, of which there are a power of two. */
export function perfectRoot(hashes: readonly Uint8Array[]): Uint8Array {
  let level = hashes;
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let at = 0; at < level.length; at += 2)
      above.push(nodeHash(level[at] as Uint8Array, level[at + 1] as Uint8Array));
    level = above;
  }
  return level[0] as Uint8Array;
}
