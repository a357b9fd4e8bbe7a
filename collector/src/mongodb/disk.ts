/** How full the database's disk is, where the database says so, and how full it was. */
import { type Db, type Document, Long } from "mongodb";
import type { DiskSample } from "../model/index.ts";
import { classify } from "./failure.ts";
import { number, Rows } from "./rows.ts";

export class DiskStore {
  readonly #database: Db;
  readonly #samples: Rows;

  constructor(database: Db) {
    this.#database = database;
    this.#samples = new Rows(database, "disk_samples");
  }

  /** Of several shards the fullest; undefined where the server does not tell of its disk, as FerretDB. */
  async readDisk(): Promise<Omit<DiskSample, "timeMs"> | undefined> {
    let stats: Document;
    try {
      stats = await this.#database.command({ dbStats: 1 });
    } catch (error) {
      throw classify(error);
    }
    const shards: unknown = stats["raw"];
    const all = typeof shards === "object" && shards !== null ? (Object.values(shards) as Document[]) : [stats];
    const told = all
      .map((each) => ({ usedBytes: number(each, "fsUsedSize"), totalBytes: number(each, "fsTotalSize") }))
      .filter(({ totalBytes }) => totalBytes > 0);
    return told.sort((a, b) => b.usedBytes / b.totalBytes - a.usedBytes / a.totalBytes)[0];
  }

  /** Keeps a sample; one that was taken at the same time stays as it is. */
  async addSample({ timeMs, usedBytes, totalBytes }: DiskSample): Promise<void> {
    const time = Long.fromNumber(timeMs);
    try {
      await this.#samples.tryInsert({ _id: String(timeMs), time_ms: time, used: usedBytes, total: totalBytes });
    } catch (error) {
      throw classify(error);
    }
  }

  /** The oldest first; those before this time are removed. */
  async samplesSince(timeMs: number): Promise<DiskSample[]> {
    try {
      const since = Long.fromNumber(timeMs);
      await this.#samples.all.deleteMany({ time_ms: { $lt: since } });
      const rows = await this.#samples.all.find({}).toArray();
      return rows
        .map((row) => ({
          timeMs: number(row, "time_ms"),
          usedBytes: number(row, "used"),
          totalBytes: number(row, "total"),
        }))
        .sort((a, b) => a.timeMs - b.timeMs);
    } catch (error) {
      throw classify(error);
    }
  }
}
