/**
 * The log as the process that keeps it has it: the tree of its newest commit. A commit becomes real by one insert, under a number that
 * only one process can take; whatever follows from it is made again alike by whoever finds it undone.
 */
import { randomBytes } from "node:crypto";
import {
  decodeBundle,
  encodeBundle,
  GrowingTree,
  type Tile,
  TILE_WIDTH,
  tilePath,
  tileWidth,
} from "@hosttrail/lib/tlog";
import { readFileAt } from "../logbook/index.ts";
import type { LogCommit } from "../model/index.ts";
import { LogHalted, TermLost } from "./halt.ts";
import type { LogArchive } from "./ports.ts";

/** A file, with its bytes. */
interface LogFile {
  path: string;
  bytes: Uint8Array;
}

export class KeptLog {
  readonly #archive: LogArchive;
  readonly #logId: string;
  #tree: GrowingTree;
  #newest: LogCommit | undefined;
  /** Of the newest commit, as long as it is not known that they are written. */
  #unwritten: LogFile[];

  private constructor(
    archive: LogArchive,
    logId: string,
    state: { tree: GrowingTree; newest: LogCommit | undefined; unwritten: LogFile[] },
  ) {
    this.#archive = archive;
    this.#logId = logId;
    this.#tree = state.tree;
    this.#newest = state.newest;
    this.#unwritten = state.unwritten;
  }

  /** As the database has it. Throws a LogHalted where that does not fit together. */
  static async load(archive: LogArchive, logId: string): Promise<KeptLog> {
    const newest = await archive.newestCommit(logId);
    if (newest === undefined) {
      return new KeptLog(archive, logId, { tree: GrowingTree.empty(), newest, unwritten: [] });
    }
    const isPublished = (await archive.getPublished(logId, newest.number)) !== undefined;
    if (isPublished) {
      const tree = await loadTree(archive, logId, newest.size, newest);
      return new KeptLog(archive, logId, { tree, newest, unwritten: [] });
    }
    const tree = await loadTree(
      archive,
      logId,
      newest.previousSize,
      newest.number === 1 ? undefined : await archive.getCommit(logId, newest.number - 1),
    );
    const batch = await archive.getBatch(newest);
    if (batch === undefined)
      throw new LogHalted("log-damaged", `the entries of commit ${String(newest.number)} are missing`);
    const entries = decodeBundle(
      batch,
      newest.size - newest.previousSize,
      `the entries of commit ${String(newest.number)}`,
    );
    const unwritten = await filesOf(archive, logId, tree, entries);
    requireRoot(tree, newest);
    return new KeptLog(archive, logId, { tree, newest, unwritten });
  }

  get newest(): LogCommit | undefined {
    return this.#newest;
  }

  get size(): number {
    return this.#newest?.size ?? 0;
  }

  get root(): Uint8Array {
    return this.#tree.root();
  }

  /** Adds entries. Throws a TermLost where another process has added some. */
  async commit(entries: readonly Uint8Array[], term: string, timeMs: number): Promise<LogCommit> {
    const tree = this.#tree.copy();
    const unwritten = await filesOf(this.#archive, this.#logId, tree, entries);
    const number = (this.#newest?.number ?? 0) + 1;
    const batchId = `${this.#logId}-${String(number)}-${term}-${randomBytes(4).toString("hex")}`;
    const batchPieces = await this.#archive.putBatch(batchId, encodeBundle(entries));
    const previousSize = this.size;
    const commit = { number, previousSize, size: tree.size, root: tree.root(), batchId, batchPieces, timeMs };
    if (!(await this.#archive.tryCommit(this.#logId, commit))) {
      await this.#archive.removeBatch(commit);
      throw new TermLost(`commit ${String(number)} of the log was made by another process`);
    }
    this.#tree = tree;
    this.#newest = commit;
    this.#unwritten = unwritten;
    return commit;
  }

  /** Writes the files of the newest commit. Those that are there already are the same. */
  async write(): Promise<void> {
    await this.#archive.putFiles(this.#logId, this.#unwritten);
    this.#unwritten = [];
  }

  /** Removes what only the commit before the newest one needed: narrower tiles, and entries that stand in bundles by now. */
  async tidy(): Promise<void> {
    const newest = this.#newest;
    if (newest === undefined) return;
    await this.#archive.removeBatch(newest);
    const paths: string[] = [];
    for (let level = 0; ; level++) {
      const index = Math.floor(Math.floor(newest.previousSize / TILE_WIDTH ** level) / TILE_WIDTH);
      const width = tileWidth(newest.previousSize, level, index);
      if (newest.previousSize < TILE_WIDTH ** level) break;
      if (width === 0 || width === tileWidth(newest.size, level, index)) continue;
      paths.push(tilePath({ level, index, width }));
      if (level === 0) paths.push(tilePath({ level: "entries", index, width }));
    }
    await this.#archive.removeFiles(this.#logId, paths);
  }
}

async function loadTree(
  archive: LogArchive,
  logId: string,
  size: number,
  commit: LogCommit | undefined,
): Promise<GrowingTree> {
  if (size === 0 && commit === undefined) return GrowingTree.empty();
  const tree = await GrowingTree.load(size, async (name) => {
    const bytes = await readFileAt(archive, logId, name, size);
    if (bytes === undefined) throw new LogHalted("log-damaged", `the file ${tilePath(name)} is missing`);
    return bytes;
  });
  if (commit === undefined) throw new LogHalted("log-damaged", "the commit before the newest one is missing");
  requireRoot(tree, commit);
  return tree;
}

function requireRoot(tree: GrowingTree, commit: LogCommit): void {
  if (tree.size === commit.size && Buffer.compare(tree.root(), commit.root) === 0) return;
  throw new LogHalted("log-damaged", `the tiles of commit ${String(commit.number)} do not have its root`);
}

/** Adds entries to the tree; gives the files that are new. */
async function filesOf(
  archive: LogArchive,
  logId: string,
  tree: GrowingTree,
  entries: readonly Uint8Array[],
): Promise<LogFile[]> {
  const from = tree.size;
  const files = tree.append(entries).map((tile: Tile): LogFile => ({ path: tilePath(tile), bytes: tile.bytes }));
  const first = Math.floor(from / TILE_WIDTH);
  const begun = tileWidth(from, 0, first);
  let waiting: Uint8Array[] = [];
  if (begun > 0) {
    const name = { level: "entries", index: first, width: begun } as const;
    const bytes = await readFileAt(archive, logId, name, from);
    if (bytes === undefined) throw new LogHalted("log-damaged", `the file ${tilePath(name)} is missing`);
    waiting = decodeBundle(bytes, begun, tilePath(name));
  }
  const all = [...waiting, ...entries];
  for (let index = first; index * TILE_WIDTH < tree.size; index++) {
    const width = tileWidth(tree.size, 0, index);
    const part = all.slice((index - first) * TILE_WIDTH, (index - first) * TILE_WIDTH + width);
    files.push({ path: tilePath({ level: "entries", index, width }), bytes: encodeBundle(part) });
  }
  return files;
}
