/** Proofs of inclusion and of consistency, made from tiles. Source: RFC 6962, sections 2.1.1 and 2.1.2. */
import { TlogError } from "./error.ts";
import type { ReadTile } from "./grow.ts";
import { emptyRoot, nodeHash, perfectRoot, splitOf } from "./hash.ts";
import { decodeTile, TILE_HEIGHT, TILE_WIDTH, tilePath, tileWidth } from "./tile.ts";

/** Entries `from` to before `to`. */
interface Range {
  from: number;
  to: number;
}

/**
 * Hashes from the leaf's sibling up to the root's child, by which whoever has entry `index` comes to the root of the tree of `size`.
 * Throws a TlogError where the tree has no such entry, and as `readTile`.
 */
export async function proveInclusion(size: number, index: number, readTile: ReadTile): Promise<Uint8Array[]> {
  if (!(index >= 0 && index < size)) {
    throw new TlogError("PROOF_INVALID", `entry ${String(index)}`, `the tree has the entries 0 to ${String(size - 1)}`);
  }
  const ranges: Range[] = [];
  let [from, to] = [0, size];
  while (to - from > 1) {
    const middle = from + splitOf(to - from);
    if (index < middle) {
      ranges.unshift({ from: middle, to });
      to = middle;
    } else {
      ranges.unshift({ from, to: middle });
      from = middle;
    }
  }
  return await new Hashes(size, readTile).ofAll(ranges);
}

/**
 * Hashes that show that the tree of `size` begins with the one of `oldSize`; none where that one is empty or the same.
 * Throws a TlogError where `oldSize` is larger, and as `readTile`.
 */
export async function proveConsistency(oldSize: number, size: number, readTile: ReadTile): Promise<Uint8Array[]> {
  if (!(oldSize >= 0 && oldSize <= size)) {
    throw new TlogError("PROOF_INVALID", `size ${String(oldSize)}`, `the tree has ${String(size)} entries`);
  }
  if (oldSize === 0 || oldSize === size) return [];
  const ranges: Range[] = [];
  let [from, to] = [0, size];
  // As long as the old tree's end is its own node, it is known to whoever asks.
  let isKnown = true;
  while (oldSize < to) {
    const middle = from + splitOf(to - from);
    if (oldSize <= middle) {
      ranges.unshift({ from: middle, to });
      to = middle;
    } else {
      ranges.unshift({ from, to: middle });
      from = middle;
      isKnown = false;
    }
  }
  if (!isKnown) ranges.unshift({ from, to });
  return await new Hashes(size, readTile).ofAll(ranges);
}

/** Root of the first `size` entries of a tree whose tiles are as wide as those of a tree of `treeSize`. Throws as `readTile`. */
export async function rootOf(size: number, treeSize: number, readTile: ReadTile): Promise<Uint8Array> {
  if (size === 0) return emptyRoot();
  return await new Hashes(treeSize, readTile).of({ from: 0, to: size });
}

/** Hashes within one tree; each tile is read once. */
class Hashes {
  readonly #size: number;
  readonly #readTile: ReadTile;
  readonly #tiles = new Map<string, Promise<Uint8Array[]>>();

  constructor(size: number, readTile: ReadTile) {
    this.#size = size;
    this.#readTile = readTile;
  }

  async ofAll(ranges: readonly Range[]): Promise<Uint8Array[]> {
    return await Promise.all(ranges.map((range) => this.of(range)));
  }

  /** Of a range that is a node of the tree, or its right end. */
  async of({ from, to }: Range): Promise<Uint8Array> {
    const count = to - from;
    const half = count === 1 ? 1 : splitOf(count);
    if (count === 1 || half * 2 === count) return await this.#perfect(from, count);
    const [left, right] = await Promise.all([this.of({ from, to: from + half }), this.of({ from: from + half, to })]);
    return nodeHash(left, right);
  }

  async #perfect(from: number, count: number): Promise<Uint8Array> {
    let level = 0;
    let span = 1;
    while (span * TILE_WIDTH <= count) {
      level++;
      span *= 2 ** TILE_HEIGHT;
    }
    const at = from / span;
    const index = Math.floor(at / TILE_WIDTH);
    const first = at - index * TILE_WIDTH;
    const hashes = await this.#tile(level, index);
    const within = hashes.slice(first, first + count / span);
    if (within.length < count / span) {
      throw new TlogError(
        "TREE_INVALID",
        `size ${String(this.#size)}`,
        `entry ${String(from + count - 1)} is beyond it`,
      );
    }
    return perfectRoot(within);
  }

  #tile(level: number, index: number): Promise<Uint8Array[]> {
    const width = tileWidth(this.#size, level, index);
    const name = { level, index, width };
    const path = tilePath(name);
    let tile = this.#tiles.get(path);
    if (tile === undefined) {
      tile = width === 0 ? Promise.resolve([]) : this.#readTile(name).then((bytes) => decodeTile(bytes, width, path));
      this.#tiles.set(path, tile);
    }
    return tile;
  }
}
