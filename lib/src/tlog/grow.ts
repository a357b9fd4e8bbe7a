/** A tree that grows, of which only the right edge is held: at each level of tiles the hashes of the tile that is not full yet. */
import { TlogError } from "./error.ts";
import { emptyRoot, leafHash, nodeHash, perfectRoot } from "./hash.ts";
import { decodeTile, encodeTile, levelWidth, TILE_WIDTH, type TileName, tilePath, tileWidth } from "./tile.ts";

/** A tile with its bytes. */
export interface Tile extends TileName {
  level: number;
  bytes: Uint8Array;
}

/** Reads a tile, all `width` hashes of it; throws where there is none. Whether the bytes are right is for others to check. */
export type ReadTile = (name: TileName & { level: number }) => Promise<Uint8Array>;

export class GrowingTree {
  #size: number;
  /** By level of tiles; each has fewer than 256. */
  readonly #edge: Uint8Array[][];

  private constructor(size: number, edge: Uint8Array[][]) {
    this.#size = size;
    this.#edge = edge;
  }

  static empty(): GrowingTree {
    return new GrowingTree(0, []);
  }

  /** A tree of `size` entries from the tiles of its right edge. Whether its root is the right one must be asked. Throws a TlogError. */
  static async load(size: number, readTile: ReadTile): Promise<GrowingTree> {
    const edge: Uint8Array[][] = [];
    for (let level = 0; levelWidth(size, level) > 0; level++) {
      const index = Math.floor(levelWidth(size, level) / TILE_WIDTH);
      const width = tileWidth(size, level, index);
      const name = { level, index, width };
      edge.push(width === 0 ? [] : decodeTile(await readTile(name), width, tilePath(name)));
    }
    return new GrowingTree(size, edge);
  }

  get size(): number {
    return this.#size;
  }

  /** The same tree, which grows by itself. */
  copy(): GrowingTree {
    return new GrowingTree(
      this.#size,
      this.#edge.map((hashes) => [...hashes]),
    );
  }

  /** Root of all that is in it. */
  root(): Uint8Array {
    let right: Uint8Array | undefined;
    for (const hashes of this.#edge) {
      let end = hashes.length;
      for (let part = 1; part < TILE_WIDTH; part *= 2) {
        if ((hashes.length & part) === 0) continue;
        const perfect = perfectRoot(hashes.slice(end - part, end));
        right = right === undefined ? perfect : nodeHash(perfect, right);
        end -= part;
      }
    }
    return right ?? emptyRoot();
  }

  /**
   * Adds entries; gives the tiles that are new or wider, each once and as wide as it is now. The same entries upon the same tree
   * give the same tiles. Throws a TlogError beyond 2^53 - 1 entries.
   */
  append(entries: readonly Uint8Array[]): Tile[] {
    if (!Number.isSafeInteger(this.#size + entries.length)) {
      throw new TlogError("TREE_INVALID", `entry ${String(this.#size)}`, "a tree has at most 2^53 - 1 entries");
    }
    const tiles: Tile[] = [];
    const touched = new Set<number>();
    for (const entry of entries) {
      this.#push(0, leafHash(entry), tiles, touched);
      this.#size++;
    }
    for (const level of [...touched].sort((a, b) => a - b)) {
      const hashes = this.#edge[level] ?? [];
      const index = Math.floor(levelWidth(this.#size, level) / TILE_WIDTH);
      if (hashes.length > 0) tiles.push({ level, index, width: hashes.length, bytes: encodeTile(hashes) });
    }
    return tiles;
  }

  #push(level: number, hash: Uint8Array, tiles: Tile[], touched: Set<number>): void {
    const hashes = (this.#edge[level] ??= []);
    hashes.push(hash);
    touched.add(level);
    if (hashes.length < TILE_WIDTH) return;
    // The size does not count this entry yet; with it the tile is the last full one.
    const index = Math.floor((this.#size + 1) / TILE_WIDTH ** (level + 1)) - 1;
    tiles.push({ level, index, width: TILE_WIDTH, bytes: encodeTile(hashes) });
    this.#edge[level] = [];
    this.#push(level + 1, perfectRoot(hashes), tiles, touched);
  }
}
