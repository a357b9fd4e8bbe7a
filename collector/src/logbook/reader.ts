/** Reads files of a log: a narrower tile is the beginning of a wider one, so only the widest of each is kept. */
import { sha256 } from "@hosttrail/lib/crypto";
import {
  decodeBundle,
  encodeBundle,
  HASH_BYTES,
  type ReadTile,
  TILE_WIDTH,
  type TileName,
  tilePath,
  tileWidth,
} from "@hosttrail/lib/tlog";
import type { LogCommit, PublishedLog } from "../model/index.ts";

/** What is needed of where the log is kept. Each throws a RetryableError where that is away. */
export interface LogFiles {
  newestCommit(logId: string): Promise<LogCommit | undefined>;
  getPublished(logId: string, commitNumber: number): Promise<PublishedLog | undefined>;
  getFile(logId: string, path: string): Promise<Uint8Array | undefined>;
}

const ID_DIGITS = 16;
/** A tile that has grown while it was looked for is looked for again so often. */
const ATTEMPTS_MAX = 3;

/** Under which name a log is kept: 16 hex digits of its origin's hash. */
export function logIdOf(origin: string): string {
  return Buffer.from(sha256(Buffer.from(origin)))
    .toString("hex")
    .slice(0, ID_DIGITS);
}

/** A tile or bundle of the first `size` entries; undefined where it is not there. What is there is no wider than one of `widest`. */
export async function readFileAt(
  files: Pick<LogFiles, "getFile">,
  logId: string,
  name: TileName,
  widest: number,
): Promise<Uint8Array | undefined> {
  const there = tileWidth(widest, name.level === "entries" ? 0 : name.level, name.index);
  // As it is asked for, as it is now, and as it is when it is full: one of these is kept.
  for (const width of new Set([name.width, there, TILE_WIDTH])) {
    if (width < name.width) continue;
    const bytes = await files.getFile(logId, tilePath({ ...name, width }));
    if (bytes !== undefined) return width === name.width ? bytes : narrowed(bytes, name, width);
  }
  return undefined;
}

function narrowed(bytes: Uint8Array, name: TileName, width: number): Uint8Array {
  if (name.level !== "entries") return bytes.subarray(0, name.width * HASH_BYTES);
  return encodeBundle(decodeBundle(bytes, width, tilePath({ ...name, width })).slice(0, name.width));
}

export class LogReader {
  readonly #files: LogFiles;
  readonly #logId: string;

  constructor(files: LogFiles, origin: string) {
    this.#files = files;
    this.#logId = logIdOf(origin);
  }

  /** The newest checkpoint that was published; undefined where there is none. */
  async published(): Promise<PublishedLog | undefined> {
    const newest = await this.#files.newestCommit(this.#logId);
    if (newest === undefined) return undefined;
    // The newest commit may wait for its witnesses; the one before has had them.
    return (
      (await this.#files.getPublished(this.#logId, newest.number)) ??
      (await this.#files.getPublished(this.#logId, newest.number - 1))
    );
  }

  /** A tile or bundle; undefined where it reaches beyond what is published, or is not there. Nobody has checked its bytes. */
  async file(name: TileName): Promise<Uint8Array | undefined> {
    const level = name.level === "entries" ? 0 : name.level;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const size = (await this.published())?.size ?? 0;
      if (name.width > tileWidth(size, level, name.index)) return undefined;
      const bytes = await readFileAt(this.#files, this.#logId, name, size);
      if (bytes !== undefined) return bytes;
    }
    return undefined;
  }

  /** For proofs. Throws where a tile is not there. */
  readonly readTile: ReadTile = async (name) => {
    const bytes = await this.file(name);
    if (bytes === undefined) throw new Error(`the log's file ${tilePath(name)} is missing`);
    return bytes;
  };

  /** Entries of one bundle, of the first `size`; throws where the bundle is not there, and a TlogError where it is malformed. */
  async bundle(index: number, size: number): Promise<Uint8Array[]> {
    const width = tileWidth(size, 0, index);
    const name: TileName = { level: "entries", index, width };
    const bytes = await this.file(name);
    if (bytes === undefined) throw new Error(`the log's file ${tilePath(name)} is missing`);
    return decodeBundle(bytes, width, tilePath(name));
  }

  /** One entry of the first `size`. Throws as `bundle`. */
  async entry(index: number, size: number): Promise<Uint8Array> {
    const entries = await this.bundle(Math.floor(index / TILE_WIDTH), size);
    return entries[index % TILE_WIDTH] as Uint8Array;
  }
}
