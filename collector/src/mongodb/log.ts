/**
 * The transparency log. Everything is inserted once under an id that says what it is, and found by that alone, so that no server needs more
 * than it does as one step: a commit by its number, which only one process can take; tiles by their path, which everybody would make
 * alike; a checkpoint by the number of its commit.
 */
import { Binary, type Db } from "mongodb";
import { type LogCommit, type LoggedNote, PermanentError, type PublishedLog } from "../model/index.ts";
import { classify } from "./failure.ts";
import { inParallel } from "./parallel.ts";
import { number, type Row, Rows, text } from "./rows.ts";

/** A document has 16 MiB at most. */
const PIECE_BYTES: number = 8 * 1024 * 1024;

/** A file of the log. */
export interface LogFile {
  /** As in the specification of tiles. */
  path: string;
  bytes: Uint8Array;
}

/** One log. Each throws a RetryableError where the database is away. */
export class LogStore {
  readonly #commits: Rows;
  readonly #batches: Rows;
  readonly #tiles: Rows;
  readonly #published: Rows;
  readonly #notes: Rows;
  /** Number of a commit that is there, by log: a search for the newest begins here. */
  readonly #seen = new Map<string, number>();

  constructor(database: Db) {
    this.#commits = new Rows(database, "log_commits");
    this.#batches = new Rows(database, "log_batches");
    this.#tiles = new Rows(database, "log_tiles");
    this.#published = new Rows(database, "log_checkpoints");
    this.#notes = new Rows(database, "log_notes");
  }

  /** The commit with the largest number; undefined where there is none. */
  async newestCommit(logId: string): Promise<LogCommit | undefined> {
    let low = this.#seen.get(logId) ?? 0;
    // It may have been set back since.
    if (low > 0 && (await this.getCommit(logId, low)) === undefined) low = 0;
    let step = 1;
    while ((await this.getCommit(logId, low + step)) !== undefined) {
      low += step;
      step *= 2;
    }
    // Numbers have no holes, so between what is there and what is not there is one place where it ends.
    for (let high = low + step; high - low > 1; ) {
      const middle = low + Math.floor((high - low) / 2);
      if ((await this.getCommit(logId, middle)) === undefined) high = middle;
      else low = middle;
    }
    this.#seen.set(logId, low);
    return low === 0 ? undefined : await this.getCommit(logId, low);
  }

  async getCommit(logId: string, commitNumber: number): Promise<LogCommit | undefined> {
    const row = await this.#try(() => this.#commits.get(idOf(logId, commitNumber)));
    return row && { ...toCommit(row), number: commitNumber };
  }

  /** False where another process has made the commit of this number. */
  async tryCommit(logId: string, commit: LogCommit): Promise<boolean> {
    const row = {
      _id: idOf(logId, commit.number),
      previous_size: commit.previousSize,
      size: commit.size,
      root: new Binary(commit.root),
      batch: commit.batchId,
      pieces: commit.batchPieces,
      time_ms: commit.timeMs,
    };
    return await this.#try(() => this.#commits.tryInsert(row));
  }

  /** Keeps the entries of a commit that is to come; gives the number of pieces. */
  async putBatch(batchId: string, bytes: Uint8Array): Promise<number> {
    const pieces = Math.max(1, Math.ceil(bytes.length / PIECE_BYTES));
    for (let piece = 0; piece < pieces; piece++) {
      const part = bytes.subarray(piece * PIECE_BYTES, (piece + 1) * PIECE_BYTES);
      await this.#try(() => this.#batches.insert({ _id: `${batchId}/${piece}`, bytes: new Binary(part) }));
    }
    return pieces;
  }

  /** Undefined where a piece is missing. */
  async getBatch({
    batchId,
    batchPieces,
  }: Pick<LogCommit, "batchId" | "batchPieces">): Promise<Uint8Array | undefined> {
    const parts: Uint8Array[] = [];
    for (let piece = 0; piece < batchPieces; piece++) {
      const bytes = bytesOf(await this.#try(() => this.#batches.get(`${batchId}/${piece}`)));
      if (bytes === undefined) return undefined;
      parts.push(bytes);
    }
    return Buffer.concat(parts);
  }

  async removeBatch({ batchId, batchPieces }: Pick<LogCommit, "batchId" | "batchPieces">): Promise<void> {
    for (let piece = 0; piece < batchPieces; piece++)
      await this.#try(() => this.#batches.delete(`${batchId}/${piece}`));
  }

  /** Throws a PermanentError where a file is there with other bytes: then somebody has changed it, or made another log of this name. */
  async putFiles(logId: string, files: readonly LogFile[]): Promise<void> {
    await inParallel(files, async ({ path, bytes }) => {
      const _id = `${logId}/${path}`;
      if (await this.#try(() => this.#tiles.tryInsert({ _id, bytes: new Binary(bytes) }))) return;
      const there = await this.getFile(logId, path);
      if (there === undefined || Buffer.compare(there, bytes) !== 0)
        throw new PermanentError(`the file ${path} of the log is there already, and differs from what belongs there`);
    });
  }

  async getFile(logId: string, path: string): Promise<Uint8Array | undefined> {
    return bytesOf(await this.#try(() => this.#tiles.get(`${logId}/${path}`)));
  }

  async removeFiles(logId: string, paths: readonly string[]): Promise<void> {
    await this.#try(() => inParallel(paths, (path) => this.#tiles.delete(`${logId}/${path}`)));
  }

  async getPublished(logId: string, commitNumber: number): Promise<PublishedLog | undefined> {
    const row = await this.#try(() => this.#published.get(idOf(logId, commitNumber)));
    const note = bytesOf(row, "note");
    return note && { number: commitNumber, size: number(row, "size"), note, timeMs: number(row, "time_ms") };
  }

  /** The one that is there already stays. */
  async putPublished(logId: string, published: PublishedLog): Promise<void> {
    const { size, note, timeMs } = published;
    const row = { _id: idOf(logId, published.number), size, note: new Binary(note), time_ms: timeMs };
    await this.#try(() => this.#published.tryInsert(row));
  }

  /** Where notes were put into the log. Those that are there already stay. */
  async putNotes(logId: string, notes: readonly LoggedNote[]): Promise<void> {
    await this.#try(() =>
      inParallel(notes, ({ id, index }) => this.#notes.tryInsert({ _id: `${logId}/${id}`, index })),
    );
  }

  /** Those of these that were put into the log. Nobody signs this: what it says is to be checked in the log itself. */
  async getNotes(logId: string, ids: readonly string[]): Promise<Map<string, LoggedNote>> {
    const rows = await this.#try(() => inParallel(ids, (id) => this.#notes.get(`${logId}/${id}`)));
    const found = new Map<string, LoggedNote>();
    for (const [at, row] of rows.entries()) {
      const id = ids[at];
      if (row !== undefined && id !== undefined) found.set(id, { id, index: number(row, "index") });
    }
    return found;
  }

  async #try<Value>(ask: () => Promise<Value>): Promise<Value> {
    try {
      return await ask();
    } catch (error) {
      throw classify(error);
    }
  }
}

function idOf(logId: string, commitNumber: number): string {
  return `${logId}-${commitNumber.toString(16).padStart(14, "0")}`;
}

function bytesOf(row: Row | undefined, key = "bytes"): Uint8Array | undefined {
  const value: unknown = row?.[key];
  return value instanceof Binary ? value.buffer.subarray(0, value.position) : undefined;
}

function toCommit(row: Row): Omit<LogCommit, "number"> {
  return {
    previousSize: number(row, "previous_size"),
    size: number(row, "size"),
    root: bytesOf(row, "root") ?? new Uint8Array(),
    batchId: text(row, "batch"),
    batchPieces: number(row, "pieces"),
    timeMs: number(row, "time_ms"),
  };
}
