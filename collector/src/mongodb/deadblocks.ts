/** What people decided about dead blocks. It is only ever added to: a letter that was taken out on purpose was not pushed out. */
import type { Db } from "mongodb";
import type { DeadDecision } from "../model/index.ts";
import { classify } from "./failure.ts";
import { number, Rows, storable, text } from "./rows.ts";

/** Each throws a RetryableError where the database is away. */
export class DeadBlockStore {
  readonly #rows: Rows;

  constructor(database: Db) {
    this.#rows = new Rows(database, "dead_block_decisions");
  }

  /** The first one counts. */
  async addDecision({ streamMs, sequence, why, ...rest }: DeadDecision): Promise<void> {
    const _id = `${streamMs.toString(16).padStart(12, "0")}-${sequence}`;
    await this.#try(() => this.#rows.tryInsert({ _id, streamMs, sequence, ...rest, why: storable(why) }));
  }

  /** Of one stream. */
  async countDecisions(streamMs: number): Promise<number> {
    return await this.#try(() => this.#rows.all.countDocuments({ streamMs }));
  }

  /** What was dropped of these hosts. */
  async droppedOf(hostIds: readonly string[]): Promise<DeadDecision[]> {
    const filter = { kind: "dropped", hostId: { $in: [...hostIds] } };
    const rows = await this.#try(() => this.#rows.all.find(filter).toArray());
    return rows.map((row) => ({
      streamMs: number(row, "streamMs"),
      sequence: number(row, "sequence"),
      kind: "dropped",
      hostId: text(row, "hostId"),
      blockId: text(row, "blockId"),
      events: number(row, "events"),
      reason: text(row, "reason"),
      why: text(row, "why"),
      caller: text(row, "caller"),
      timeMs: number(row, "timeMs"),
    }));
  }

  async #try<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw classify(error);
    }
  }
}
