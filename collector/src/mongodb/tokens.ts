/** Tokens: those with which hosts enrol, and those of the API. Of each only the hash of its secret is kept. */
import type { Db } from "mongodb";
import type { ApiToken, EnrollmentToken } from "../model/index.ts";
import { fromPairs, number, pairs, type Row, Rows, text } from "./rows.ts";

export class TokenStore {
  readonly #enrollment: Rows;
  /** One document for each use of an enrolment token: `<token>-<place>`. */
  readonly #uses: Rows;
  readonly #api: Rows;

  constructor(database: Db) {
    this.#enrollment = new Rows(database, "enrollment_tokens");
    this.#uses = new Rows(database, "enrollment_token_uses");
    this.#api = new Rows(database, "api_tokens");
  }

  async insertEnrollmentToken({ id, labels, hostsEnrolled: _none, ...rest }: EnrollmentToken): Promise<void> {
    await this.#enrollment.insert({ _id: id, ...rest, labels: pairs(labels) });
  }

  async getEnrollmentToken(id: string): Promise<EnrollmentToken | undefined> {
    const row = await this.#enrollment.get(id);
    return row && toEnrollmentToken(row, await this.#usesOf(id));
  }

  async listEnrollmentTokens(afterId: string, limit: number): Promise<EnrollmentToken[]> {
    const rows = await this.#enrollment.page(afterId, limit);
    const counts = await this.#uses.all
      .aggregate<{ _id: string; count: number }>([
        { $match: { token: { $in: rows.map(({ _id }) => _id) } } },
        { $group: { _id: "$token", count: { $sum: 1 } } },
      ])
      .toArray();
    const used = new Map(counts.map(({ _id, count }) => [_id, count]));
    return rows.map((row) => toEnrollmentToken(row, used.get(row._id) ?? 0));
  }

  async #usesOf(id: string): Promise<number> {
    return await this.#uses.all.countDocuments({ token: id });
  }

  /** Takes one of a token's uses for a host; false where none is left. */
  async useEnrollmentToken({ id, hostsMax }: EnrollmentToken, hostId: string): Promise<boolean> {
    // Taken before, by a request that came to nothing.
    if ((await this.#uses.all.findOne({ token: id, hostId })) !== null) return true;
    // Places are taken in turn; whoever is too late at one goes on to the next. Those before may have been given back.
    const first = await this.#usesOf(id);
    const places = first < hostsMax ? hostsMax : 0;
    for (let tried = 0; tried < places; tried++) {
      const place = (first + tried) % places;
      if (await this.#uses.tryInsert({ _id: `${id}-${place}`, token: id, hostId })) return true;
    }
    return false;
  }

  /** Gives a use back that came to nothing. */
  async returnEnrollmentToken(id: string, hostId: string): Promise<void> {
    const uses = await this.#uses.all.find({ token: id, hostId }).toArray();
    // One use stays: it is that of the request that came first.
    const last = uses.length > 1 ? uses.at(-1) : undefined;
    if (last !== undefined) await this.#uses.delete(last._id);
  }

  deleteEnrollmentToken(id: string): Promise<boolean> {
    return this.#enrollment.delete(id);
  }

  async insertApiToken({ id, scope, ...rest }: ApiToken): Promise<void> {
    await this.#api.insert({ _id: id, ...rest, scope: pairs(scope) });
  }

  async getApiToken(id: string): Promise<ApiToken | undefined> {
    const row = await this.#api.get(id);
    return row && toApiToken(row);
  }

  async listApiTokens(afterId: string, limit: number): Promise<ApiToken[]> {
    return (await this.#api.page(afterId, limit)).map(toApiToken);
  }

  deleteApiToken(id: string): Promise<boolean> {
    return this.#api.delete(id);
  }
}

function toEnrollmentToken(row: Row, hostsEnrolled: number): EnrollmentToken {
  return {
    id: row._id,
    hash: text(row, "hash"),
    hostsMax: number(row, "hostsMax"),
    hostsEnrolled,
    labels: fromPairs(row["labels"]),
    creator: text(row, "creator"),
    createMs: number(row, "createMs"),
    expireMs: number(row, "expireMs"),
  };
}

function toApiToken(row: Row): ApiToken {
  const role = text(row, "role");
  return {
    id: row._id,
    hash: text(row, "hash"),
    displayName: text(row, "displayName"),
    // What is not known may do the least.
    role: role === "admin" || role === "responder" ? role : "viewer",
    scope: fromPairs(row["scope"]),
    creator: text(row, "creator"),
    createMs: number(row, "createMs"),
    expireMs: number(row, "expireMs"),
  };
}
