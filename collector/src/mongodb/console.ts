/**
 * Sessions of the console and links that open one. No index removes what has ended, which not every server with this wire protocol could: ends are looked at
 * whenever one is used, and swept from time to time.
 */
import type { Db, Document, Filter } from "mongodb";
import type { ConsoleSession, LoginLink, LoginWay } from "../model/index.ts";
import { classify } from "./failure.ts";
import { number, removeAll, type Row, Rows, storable, text, texts } from "./rows.ts";

const WAYS: readonly LoginWay[] = ["provider", "token", "certificate", "link"];

/** A link's note must not go while any collector's clock says that the link is good. */
const LINK_KEPT_MS = 3_600_000;

/** Each throws a RetryableError where the database is away. */
export class ConsoleStore {
  readonly #sessions: Rows;
  /** A link, and beside it the note that it was used. */
  readonly #links: Rows;

  constructor(database: Db) {
    this.#sessions = new Rows(database, "console_sessions");
    this.#links = new Rows(database, "login_links");
  }

  async insertSession({ id, subjects, ...rest }: ConsoleSession): Promise<void> {
    const caller = storable(subjects[0] ?? "");
    await this.#try(() => this.#sessions.insert({ _id: id, ...rest, caller, subjects: subjects.map(storable) }));
  }

  async getSession(id: string): Promise<ConsoleSession | undefined> {
    const row = await this.#try(() => this.#sessions.get(id));
    return row && toSession(row);
  }

  /** Notes that a session was used; one that was ended meanwhile stays so. */
  async touchSession(id: string, usedMs: number): Promise<void> {
    await this.#try(() => this.#sessions.all.updateOne({ _id: id }, { $set: { usedMs } }));
  }

  /** False where there is none. */
  async deleteSession(id: string): Promise<boolean> {
    return await this.#try(() => this.#sessions.delete(id));
  }

  /** All sessions of a caller, the one that was begun first in front. */
  async sessionsOf(caller: string): Promise<ConsoleSession[]> {
    const rows = await this.#try(() => this.#sessions.all.find({ caller: storable(caller) }).toArray());
    return rows.map(toSession).toSorted((a, b) => a.createMs - b.createMs);
  }

  async insertLink({ id, subjects, identityEndMs, expireMs }: LoginLink): Promise<void> {
    // Not every server keeps an infinite number.
    const endMs = Number.isFinite(identityEndMs) ? identityEndMs : 0;
    await this.#try(() =>
      this.#links.insert({ _id: id, subjects: subjects.map(storable), identityEndMs: endMs, expireMs }),
    );
  }

  /** A link, for the one who uses it first; undefined where it was used, has ended, or never was. */
  async takeLink(id: string, nowMs: number): Promise<LoginLink | undefined> {
    const row = await this.#try(() => this.#links.get(id));
    const expireMs = number(row, "expireMs");
    if (row === undefined || expireMs <= nowMs) return undefined;
    if (!(await this.#try(() => this.#links.tryInsert({ _id: `used-${id}`, expireMs })))) return undefined;
    const endMs = number(row, "identityEndMs");
    return { id, subjects: texts(row["subjects"]), identityEndMs: endMs === 0 ? Infinity : endMs, expireMs };
  }

  /** Removes up to so many sessions and links that have ended; gives how many. */
  async sweep(nowMs: number, idleSinceMs: number, limit: number): Promise<number> {
    const sweep = async (rows: Rows, filter: Filter<Row>): Promise<number> => {
      const found = await rows.all
        .find(filter, { projection: { _id: 1 } })
        .limit(limit)
        .toArray();
      await removeAll(
        rows,
        found.map(({ _id }) => _id),
      );
      return found.length;
    };
    return await this.#try(async () => {
      const ended: Document = { $or: [{ endMs: { $lte: nowMs } }, { usedMs: { $lte: idleSinceMs } }] };
      return (
        (await sweep(this.#sessions, ended)) + (await sweep(this.#links, { expireMs: { $lte: nowMs - LINK_KEPT_MS } }))
      );
    });
  }

  async #try<Value>(ask: () => Promise<Value>): Promise<Value> {
    try {
      return await ask();
    } catch (error) {
      throw classify(error);
    }
  }
}

function toSession(row: Row): ConsoleSession {
  const way = text(row, "way");
  return {
    id: row._id,
    subjects: texts(row["subjects"]),
    way: WAYS.find((each) => each === way) ?? "link",
    createMs: number(row, "createMs"),
    usedMs: number(row, "usedMs"),
    endMs: number(row, "endMs"),
  };
}
