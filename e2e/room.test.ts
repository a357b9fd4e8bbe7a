/** The embedded database's file: what nobody needs is given back, while others write and databases come and go. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { mongodbService, type Service } from "@hosttrail/stack";
import { Binary, type Collection, MongoClient } from "mongodb";
import { eventually } from "./environment.ts";

const DOCUMENTS = 200;
const DOCUMENT_BYTES = 50_000;
const tools = new URL("../.hosttrail/tools", import.meta.url).pathname;

interface Row {
  _id: string;
  bytes: Binary;
}

function bytesOf(row: Row | null): Buffer {
  return Buffer.from(row?.bytes.buffer ?? []);
}

describe("the embedded database", { timeout: 180_000 }, () => {
  let directory: string;
  let service: Service;
  let client: MongoClient;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "hosttrail-room-"));
    service = await mongodbService({ directory, tools, say: () => undefined, roomInterval: "5ms" });
    await service.start();
    client = await MongoClient.connect(service.url);
  });

  after(async () => {
    await client.close();
    await service.child?.stop();
    rmSync(directory, { recursive: true });
  });

  it("gives back what was removed, and keeps what is written meanwhile", async (context) => {
    if (!service.what.startsWith("FerretDB")) return context.skip(`the database here is ${service.what}`);
    const rows: Collection<Row> = client.db("room").collection<Row>("rows");
    const rowOf = (at: number): Row => ({ _id: `${at}`, bytes: new Binary(randomBytes(DOCUMENT_BYTES)) });
    for (let at = 0; at < DOCUMENTS; at++) await rows.insertOne(rowOf(at));
    const size = (): number => statSync(join(directory, "mongodb", "room.sqlite")).size;
    const log = (): number => statSync(join(directory, "mongodb", "room.sqlite-wal")).size;
    await eventually("all of it being in the file", 30_000, async () => {
      await rows.replaceOne({ _id: "0" }, rowOf(0));
      return size() > DOCUMENTS * DOCUMENT_BYTES || undefined;
    });
    for (let at = 1; at < DOCUMENTS; at++) await rows.deleteOne({ _id: `${at}` });

    const written = new Map<string, Buffer>();
    for (let at = 0; size() > 10 * DOCUMENT_BYTES; at++) {
      assert.ok(at < 100_000, `the file has ${size()} bytes`);
      const row = rowOf(1000 + (at % 4));
      await rows.replaceOne({ _id: row._id }, row, { upsert: true });
      written.set(row._id, bytesOf(row));
      // Databases come and go while they are looked at.
      if (at % 10 === 0) {
        const other = client.db(`room-${at % 3}`);
        await other.collection<Row>("rows").insertOne(rowOf(1));
        await other.dropDatabase();
      }
    }
    await eventually("the log being empty", 30_000, async () => log() === 0 || undefined);
    assert.equal(await rows.countDocuments(), 5);
    for (const [id, bytes] of written) assert.ok(bytesOf(await rows.findOne({ _id: id })).equals(bytes), id);

    assert.doesNotMatch(readFileSync(join(directory, "mongodb.log"), "utf8"), /cannot give back/);
    await client.close();
    await service.child?.stop();
    await service.start();
    client = await MongoClient.connect(service.url);
    const again = client.db("room").collection<Row>("rows");
    for (const [id, bytes] of written) assert.ok(bytesOf(await again.findOne({ _id: id })).equals(bytes), id);
  });
});
