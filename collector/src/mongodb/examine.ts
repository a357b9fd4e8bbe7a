/** A look at the database by a connection of its own. */
import { randomUUID } from "node:crypto";
import type { Db, Document } from "mongodb";
import { type MongoOptions, openClient, reachProblem } from "./connect.ts";
import { DiskStore } from "./disk.ts";
import { TRIED } from "./rights.ts";
import { DURABLE } from "./rows.ts";
import { isEmbedded } from "./standing.ts";

const TIMEOUT_MS = 5000;

/** Writes one document and removes it. Throws where the database does not answer. */
export async function examineDatabase(options: MongoOptions): Promise<{
  version: string;
  isEmbedded: boolean;
  isReplicated: boolean;
  write: "done" | { failed: string };
  disk: { usedBytes: number; totalBytes: number } | undefined;
  clock: { beforeMs: number; theirMs: number; afterMs: number } | undefined;
}> {
  const client = openClient(options);
  try {
    await client.connect().catch((error: unknown) => {
      throw new Error(reachProblem(error, options), { cause: error });
    });
    const database = client.db(options.database);
    const info = await database.command({ buildInfo: 1 });
    const beforeMs = Date.now();
    const hello = await database.command({ hello: 1 });
    const theirTime: unknown = hello["localTime"];
    return {
      version: textOf(info, "ferretdbVersion") ?? textOf(info, "version") ?? "of no version",
      isEmbedded: isEmbedded(info),
      isReplicated: textOf(hello, "setName") !== undefined || hello["msg"] === "isdbgrid",
      write: await tryWriting(database),
      disk: await new DiskStore(database).readDisk().catch(() => undefined),
      clock: theirTime instanceof Date ? { beforeMs, theirMs: theirTime.getTime(), afterMs: Date.now() } : undefined,
    };
  } finally {
    await client.close();
  }
}

function textOf(document: Document, key: string): string | undefined {
  const value: unknown = document[key];
  return typeof value === "string" ? value : undefined;
}

async function tryWriting(database: Db): Promise<"done" | { failed: string }> {
  const writeConcern = { ...DURABLE, wtimeoutMS: TIMEOUT_MS };
  const documents = database.collection<{ _id: string }>(TRIED);
  const _id = randomUUID();
  try {
    await documents.insertOne({ _id }, { writeConcern });
    const found = await documents.findOne({ _id });
    const { deletedCount } = await documents.deleteOne({ _id }, { writeConcern });
    if (found !== null && deletedCount === 1) return "done";
    return { failed: "what was written is not there" };
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}
