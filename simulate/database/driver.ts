/** Stands in for the MongoDB driver: the same, but for the client, which asks the simulated database. */
import {
  BSON,
  type Document,
  MongoBulkWriteError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
} from "mongodb";
import { runningProcess, type SimulatedProcess } from "../schedule/index.ts";
import { strict } from "../schedule/strict.ts";
import { matches, project, sortBy } from "./filter.ts";
import { type Database, presentDatabase } from "./index.ts";

export * from "mongodb";

const DUPLICATE_KEY = 11_000;
/** As the product sets serverSelectionTimeoutMS. */
const SELECTION_MS = 5000;
/** How long a client waits for what was lost: the system's own bounds are far longer, and the operator's shorter. */
const ANSWER_MS = 30_000;

interface WriteOptions {
  ordered?: boolean;
  writeConcern?: { j?: boolean };
  upsert?: boolean;
}

interface FindOptions {
  limit?: number;
  sort?: Record<string, 1 | -1>;
  projection?: Record<string, 0 | 1>;
  batchSize?: number;
}

interface WriteProblem {
  index: number;
  code: number;
  errmsg: string;
}

type Operation =
  | { insertOne: { document: Document } }
  | { replaceOne: { filter: Document; replacement: Document; upsert?: boolean } }
  | { updateOne: { filter: Document; update: { $set: Document }; upsert?: boolean } }
  | { deleteOne: { filter: Document } }
  | { deleteMany: { filter: Document } };

interface Counts {
  insertedCount: number;
  matchedCount: number;
  deletedCount: number;
}

/** One client's way to the database. */
class Connection {
  readonly database: Database = presentDatabase.now;
  readonly process: SimulatedProcess = runningProcess();

  /** Rejects as the driver does; where the answer was lost, nobody knows what was done. */
  async ask<Answer>(work: () => Answer | Promise<Answer>): Promise<Answer> {
    const { database, process } = this;
    process.enterCall();
    return await new Promise<Answer>((resolve, reject) => {
      if (!database.reaches(process)) {
        database.later(database.random.between(0, SELECTION_MS), process, () =>
          reject(new MongoServerSelectionError("no server", { servers: new Map() } as never)),
        );
        return;
      }
      const lost = (afterMs: number): void =>
        database.later(afterMs, process, () => reject(new MongoNetworkError("the connection is closed")));
      if (database.isLost("requestsLost")) {
        lost(database.latencyMs());
        return;
      }
      database.later(database.latencyMs(), undefined, () => {
        if (!database.reaches(process)) {
          lost(database.isUp ? ANSWER_MS : database.latencyMs());
          return;
        }
        void this.#work(work, lost, resolve, reject);
      });
    });
  }

  async #work<Answer>(
    work: () => Answer | Promise<Answer>,
    lost: (afterMs: number) => void,
    resolve: (answer: Answer) => void,
    reject: (error: unknown) => void,
  ): Promise<void> {
    const { database, process } = this;
    const { crashes } = database;
    let tell: () => void;
    try {
      const answer = await work();
      tell = () => resolve(answer);
    } catch (error) {
      tell = () => reject(error);
    }
    if (database.crashes !== crashes || !database.reaches(process) || database.isLost("answersLost"))
      lost(database.latencyMs());
    else database.later(database.latencyMs(), process, tell);
  }

  /** Time passes at the database. */
  pause(): Promise<void> {
    return new Promise((resolve) => this.database.later(this.database.writeMs(), undefined, resolve));
  }
}

/** What is in a row, to look at: nobody may change it. */
const documents = new WeakMap<Uint8Array, Document>();

function known(bytes: Uint8Array): Document {
  let document = documents.get(bytes);
  if (document === undefined) documents.set(bytes, (document = load(bytes)));
  return document;
}

/** A document of its own, as every reader gets one. */
function load(bytes: Uint8Array): Document {
  return BSON.deserialize(bytes, { promoteBuffers: false });
}

class Cursor {
  readonly #read: (options: FindOptions) => Promise<Document[]>;
  #options: FindOptions;

  constructor(options: FindOptions, read: (options: FindOptions) => Promise<Document[]>) {
    this.#options = options;
    this.#read = read;
  }

  sort(sort: Record<string, 1 | -1>): this {
    this.#options = { ...this.#options, sort };
    return this;
  }

  limit(limit: number): this {
    this.#options = { ...this.#options, limit };
    return this;
  }

  toArray(): Promise<Document[]> {
    return this.#read(this.#options);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Document> {
    yield* await this.toArray();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class Collection {
  readonly #connection: Connection;
  readonly collectionName: string;

  constructor(connection: Connection, name: string) {
    this.#connection = connection;
    this.collectionName = name;
  }

  get #rows(): Map<string, Uint8Array> {
    return this.#connection.database.collection(this.collectionName);
  }

  #select(filter: Document): Document[] {
    const id: unknown = filter["_id"];
    // As a server does with its index.
    const rows = typeof id === "string" ? [this.#rows.get(id)].filter((row) => row !== undefined) : this.#rows.values();
    return Array.from(rows)
      .filter((row) => matches(known(row), filter))
      .map(load);
  }

  find(filter: Document, options: FindOptions = {}): Cursor {
    return new Cursor(options, ({ sort, limit = 0, projection }) =>
      this.#connection.ask(() => {
        const found = this.#select(filter);
        if (sort !== undefined) sortBy(found, sort);
        return (limit > 0 ? found.slice(0, limit) : found).map((document) => project(document, projection));
      }),
    );
  }

  async findOne(filter: Document, options: FindOptions = {}): Promise<Document | null> {
    const [found] = await this.find(filter, { ...options, limit: 1 }).toArray();
    return found ?? null;
  }

  async insertOne(document: Document, options: WriteOptions = {}): Promise<void> {
    const { problems } = await this.#write([{ insertOne: { document } }], options);
    const [problem] = problems;
    if (problem !== undefined) throw new MongoServerError({ message: problem.errmsg, code: problem.code });
  }

  async insertMany(documents: readonly Document[], options: WriteOptions = {}): Promise<void> {
    await this.bulkWrite(
      documents.map((document) => ({ insertOne: { document } })),
      options,
    );
  }

  async bulkWrite(operations: readonly Operation[], options: WriteOptions = {}): Promise<Counts> {
    const { problems, counts } = await this.#write(operations, options);
    if (problems.length > 0) throw bulkError(problems, counts);
    return counts;
  }

  async replaceOne(filter: Document, replacement: Document, options: WriteOptions = {}): Promise<Counts> {
    const { upsert = false } = options;
    const { problems, counts } = await this.#write([{ replaceOne: { filter, replacement, upsert } }], options);
    const [problem] = problems;
    if (problem !== undefined) throw new MongoServerError({ message: problem.errmsg, code: problem.code });
    return counts;
  }

  async deleteOne(filter: Document, options: WriteOptions = {}): Promise<Counts> {
    return (await this.#write([{ deleteOne: { filter } }], options)).counts;
  }

  async deleteMany(filter: Document, options: WriteOptions = {}): Promise<Counts> {
    return (await this.#write([{ deleteMany: { filter } }], options)).counts;
  }

  async updateOne(filter: Document, update: { $set: Document }, options: WriteOptions = {}): Promise<Counts> {
    const { upsert = false } = options;
    const { problems, counts } = await this.#write([{ updateOne: { filter, update, upsert } }], options);
    const [problem] = problems;
    if (problem !== undefined) throw new MongoServerError({ message: problem.errmsg, code: problem.code });
    return counts;
  }

  createIndex(): Promise<void> {
    return this.#connection.ask(() => undefined);
  }

  /** None: what a filter means does not depend on them. */
  listIndexes(): { toArray: () => Promise<Document[]> } {
    return { toArray: () => this.#connection.ask(() => []) };
  }

  async countDocuments(filter: Document): Promise<number> {
    return await this.#connection.ask(() => this.#select(filter).length);
  }

  /** Serialized at once: what a caller changes later is not written. */
  async #write(
    operations: readonly Operation[],
    { writeConcern }: WriteOptions,
  ): Promise<{ problems: WriteProblem[]; counts: Counts }> {
    const isJournaled = writeConcern?.j === true;
    const kept = BSON.deserialize(BSON.serialize({ operations }), { promoteBuffers: false })[
      "operations"
    ] as Operation[];
    return await this.#connection.ask(async () => {
      const { crashes } = this.#connection.database;
      const isOver = (): boolean => this.#connection.database.crashes !== crashes;
      const problems: WriteProblem[] = [];
      const counts: Counts = { insertedCount: 0, matchedCount: 0, deletedCount: 0 };
      for (const [index, operation] of kept.entries()) {
        // Whoever writes several is cut off between any two of them.
        await this.#connection.pause();
        if (isOver()) break;
        const code = await this.#apply(operation, counts, isOver);
        if (code !== 0) problems.push({ index, code, errmsg: `E${code} duplicate key error` });
      }
      await this.#connection.pause();
      if (isJournaled && !isOver()) this.#connection.database.journal();
      return { problems, counts };
    });
  }

  /** 0, or the server's code of the problem. */
  async #apply(operation: Operation, counts: Counts, isOver: () => boolean): Promise<number> {
    const { database } = this.#connection;
    if ("insertOne" in operation) {
      const { document } = operation.insertOne;
      const id = String(document["_id"]);
      if (this.#rows.has(id)) return DUPLICATE_KEY;
      database.put(this.collectionName, id, document);
      counts.insertedCount++;
    } else if ("replaceOne" in operation) {
      const { filter, replacement, upsert } = operation.replaceOne;
      return await this.#change(filter, () => replacement, upsert === true, counts, isOver);
    } else if ("updateOne" in operation) {
      const { filter, update, upsert } = operation.updateOne;
      return await this.#change(filter, (before) => ({ ...before, ...update.$set }), upsert === true, counts, isOver);
    } else {
      const { filter } = "deleteOne" in operation ? operation.deleteOne : operation.deleteMany;
      const found = this.#select(filter);
      for (const document of "deleteOne" in operation ? found.slice(0, 1) : found)
        if (database.remove(this.collectionName, String(document["_id"]))) counts.deletedCount++;
    }
    return 0;
  }

  async #change(
    filter: Document,
    changed: (before: Document) => Document,
    upsert: boolean,
    counts: Counts,
    isOver: () => boolean,
  ): Promise<number> {
    const { database } = this.#connection;
    const [found] = this.#select(filter);
    if (found === undefined && !upsert) return 0;
    // It writes what it made of what it read, whatever came between.
    if (database.kind === "embedded") await this.#connection.pause();
    if (isOver()) return 0;
    const replacement = changed(found ?? {});
    const id = String(found?.["_id"] ?? filter["_id"]);
    if (found === undefined && this.#rows.has(id)) return DUPLICATE_KEY;
    database.put(this.collectionName, id, { ...replacement, _id: id });
    if (found === undefined) counts.insertedCount++;
    else counts.matchedCount++;
    return 0;
  }
}

function bulkError(problems: readonly WriteProblem[], counts: Counts): MongoBulkWriteError {
  const result = { ...counts, getWriteConcernError: () => undefined };
  const [first] = problems;
  return new MongoBulkWriteError(
    { message: first?.errmsg ?? "", code: first?.code ?? 0, writeErrors: problems as never },
    result as never,
  );
}

class SimulatedDb {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  collection(name: string): Collection {
    return strict(new Collection(this.#connection, name), "collection");
  }

  listCollections(): { toArray: () => Promise<{ name: string }[]> } {
    const { database } = this.#connection;
    return { toArray: () => this.#connection.ask(() => database.names.map((name) => ({ name }))) };
  }

  dropCollection(name: string): Promise<boolean> {
    return this.#connection.ask(() => this.#connection.database.drop(name));
  }

  command(command: Document): Promise<Document> {
    const { database } = this.#connection;
    const isEmbedded = "buildInfo" in command && database.kind === "embedded";
    return this.#connection.ask(() => (isEmbedded ? { ferretdbVersion: "v1.24.0" } : { ok: 1 }));
  }
}

export class MongoClient {
  readonly #connection = new Connection();

  db(_name: string): SimulatedDb {
    return strict(new SimulatedDb(this.#connection), "database");
  }

  async connect(): Promise<this> {
    await this.#connection.ask(() => undefined);
    return this;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
