/** The record of calls. It is only ever added to. */
import type { Db } from "mongodb";
import type { AuditEntry } from "../model/index.ts";
import { number, Rows, storable, text } from "./rows.ts";

export class ApiAuditStore {
  readonly #rows: Rows;

  constructor(database: Db) {
    this.#rows = new Rows(database, "api_audit");
  }

  async appendAudit({ id, ...rest }: AuditEntry): Promise<void> {
    await this.#rows.insert({ _id: id, ...rest, request: storable(rest.request) });
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
