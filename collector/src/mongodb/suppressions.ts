/**
 * Exceptions and silences. One is inserted once; that it was ended is a document of its own, and so is what it hid, which the detector alone
 * writes: no change can undo another (see rows.ts).
 */
import type { Db } from "mongodb";
import type { HiddenCount, SuppressionDocument } from "../model/index.ts";
import { classify } from "./failure.ts";
import { fromPairs, number, pairs, type Row, Rows, storable, text, texts } from "./rows.ts";

export class SuppressionStore {
  readonly #suppressions: Rows;
  readonly #ends: Rows;
  readonly #counts: Rows;

  constructor(database: Db) {
    this.#suppressions = new Rows(database, "suppressions");
    this.#ends = new Rows(database, "suppression_ends");
    this.#counts = new Rows(database, "suppression_counts");
  }

  async insertSuppression(suppression: SuppressionDocument): Promise<void> {
    try {
      await this.#suppressions.insert(toRow(suppression));
    } catch (error) {
      throw classify(error);
    }
  }

  async getSuppression(id: string): Promise<SuppressionDocument | undefined> {
    try {
      const row = await this.#suppressions.get(id);
      return row && toSuppression(row, await this.#ends.get(id));
    } catch (error) {
      throw classify(error);
    }
  }

  /** Newest first, before one of them; only those that end after a time. */
  async listSuppressions(beforeId: string, limit: number, expireAfterMs: number): Promise<SuppressionDocument[]> {
    const found: SuppressionDocument[] = [];
    let before = beforeId;
    // Those that were ended early are known only from their ends, so a page of the database may have less than was asked for.
    while (found.length < limit) {
      const rows = await this.#page(before, limit, expireAfterMs);
      found.push(...rows.filter(({ expireMs }) => expireMs > expireAfterMs));
      const last = rows.at(-1);
      if (last === undefined || rows.length < limit) break;
      before = last.id;
    }
    return found.slice(0, limit);
  }

  async #page(beforeId: string, limit: number, expireAfterMs: number): Promise<SuppressionDocument[]> {
    try {
      const rows = await this.#suppressions.all
        .find({ expire_ms: { $gt: expireAfterMs }, ...(beforeId === "" ? {} : { _id: { $lt: beforeId } }) })
        .sort({ _id: -1 })
        .limit(limit)
        .toArray();
      return await this.#ended(rows);
    } catch (error) {
      throw classify(error);
    }
  }

  async #ended(rows: readonly Row[]): Promise<SuppressionDocument[]> {
    const ends = await this.#ends.getAll(rows.map(({ _id }) => _id));
    return rows.map((row) => toSuppression(row, ends.get(row._id)));
  }

  /** Those in force at a time. */
  async activeSuppressions(nowMs: number): Promise<SuppressionDocument[]> {
    try {
      const rows = await this.#suppressions.all.find({ expire_ms: { $gt: nowMs } }).toArray();
      const all = await this.#ended(rows);
      return all.filter(({ expireMs }) => expireMs > nowMs);
    } catch (error) {
      throw classify(error);
    }
  }

  /** Ends one; where it was ended before, that stays. */
  async endSuppression(id: string, nowMs: number, ender: string): Promise<void> {
    try {
      await this.#ends.tryInsert({ _id: id, end_ms: nowMs, ender: storable(ender) });
    } catch (error) {
      throw classify(error);
    }
  }

  /** Notes what one hid in all: only the detector does, and only one process of it. */
  async putHidden(id: string, { hidden, lastHiddenMs }: HiddenCount): Promise<void> {
    try {
      await this.#counts.put({ _id: id, hidden, last_hidden_ms: lastHiddenMs });
    } catch (error) {
      throw classify(error);
    }
  }

  /** What suppressions hid so far; those that hid nothing are not there. */
  async hiddenBy(ids: readonly string[]): Promise<Map<string, HiddenCount>> {
    try {
      const rows = await this.#counts.getAll(ids);
      return new Map(
        Array.from(rows, ([id, row]) => [
          id,
          { hidden: number(row, "hidden"), lastHiddenMs: number(row, "last_hidden_ms") },
        ]),
      );
    } catch (error) {
      throw classify(error);
    }
  }
}

function toRow(suppression: SuppressionDocument): Row {
  return {
    _id: suppression.id,
    kind: suppression.kind,
    owner: storable(suppression.owner),
    reason: storable(suppression.reason),
    rule_keys: suppression.ruleKeys.map(storable),
    host_ids: suppression.hostIds,
    labels: pairs(suppression.labels).map(storable),
    tags: pairs(suppression.tags).map(storable),
    filter: storable(suppression.filter),
    create_ms: suppression.createMs,
    expire_ms: suppression.expireMs,
  };
}

function toSuppression(row: Row, end: Row | undefined): SuppressionDocument {
  const expireMs = number(row, "expire_ms");
  return {
    id: row._id,
    kind: text(row, "kind") === "silence" ? "silence" : "exception",
    owner: text(row, "owner"),
    reason: text(row, "reason"),
    ruleKeys: texts(row["rule_keys"]),
    hostIds: texts(row["host_ids"]),
    labels: fromPairs(row["labels"]),
    tags: fromPairs(row["tags"]),
    filter: text(row, "filter"),
    createMs: number(row, "create_ms"),
    expireMs: end === undefined ? expireMs : Math.min(expireMs, number(end, "end_ms")),
  };
}
