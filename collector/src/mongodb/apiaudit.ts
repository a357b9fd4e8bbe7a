/** The record of calls. It is only ever added to, but for what is older than it is kept. */
import type { Db } from "mongodb";
import type { AuditEntry } from "../model/index.ts";
import { classify } from "./failure.ts";
import { number, removeAll, Rows, storable, text } from "./rows.ts";

/** Their ids begin with the time, milliseconds as hex. */
const ID_TIME_LENGTH = 12;

export class ApiAuditStore {
  readonly #rows: Rows;

  constructor(database: Db) {
    this.#rows = new Rows(database, "api_audit");
  }

  async appendAudit({ id, ...rest }: AuditEntry): Promise<void> {
    await this.#rows.insert({ _id: id, ...rest, request: storable(rest.request) });
  }

  /** Removes up to so many of the oldest calls before this time, milliseconds; gives how many. */
  async removeAudit(beforeMs: number, limit: number): Promise<number> {
    const before = Math.max(0, beforeMs).toString(16).padStart(ID_TIME_LENGTH, "0");
    try {
      const found = await this.#rows.all
        .find({ _id: { $lt: before } }, { projection: { _id: 1 } })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray();
      await removeAll(
        this.#rows,
        found.map(({ _id }) => _id),
      );
      return found.length;
    } catch (error) {
      throw classify(error);
    }
  }

  /** Newest first, before one of them; their ids sort by time. */
  async listAudit(beforeId: string, limit: number): Promise<AuditEntry[]> {
    const rows = await this.#rows.all
      .find(beforeId === "" ? {} : { _id: { $lt: beforeId } })
      .sort({ _id: -1 })
      .limit(limit)
      .toArray();
    return rows.map((row) => ({
      id: row._id,
      timeMs: number(row, "timeMs"),
      caller: text(row, "caller"),
      peerAddress: text(row, "peerAddress"),
      method: text(row, "method"),
      request: text(row, "request"),
      results: number(row, "results"),
      status: text(row, "status"),
    }));
  }
}
