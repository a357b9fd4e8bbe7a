/**
 * `./dev bench database`: what the database takes for the few things that we ask of it, at growing numbers of documents. On the embedded one
 * only what is asked by `_id` alone stays as quick; docs/decisions/0020-embedded-database.md tells what follows from it.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mongodbService } from "@hosttrail/stack";
import { Binary, type Collection, type Document, MongoClient } from "mongodb";

const COUNTS = [1000, 5000, 20_000] as const;
const PAYLOAD_BYTES = 1300;
const ROUNDS = 21;
const SOME = 64;

type Row = Document & { _id: string };

function idOf(number: number): string {
  return `${(number % 20).toString(16).padStart(32, "0")}-${number.toString(16).padStart(16, "0")}`;
}

function rowOf(number: number): Row {
  return {
    _id: idOf(number),
    host: idOf(number).slice(0, 32),
    t1: number,
    block: new Binary(randomBytes(PAYLOAD_BYTES)),
  };
}

async function medianMs(rounds: number, run: (round: number) => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await run(round);
    times.push(performance.now() - start);
  }
  return times.toSorted((a, b) => a - b)[rounds >> 1] ?? 0;
}

async function measure(all: Collection<Row>, count: number): Promise<[string, number][]> {
  const pick = (round: number): string => idOf((round * 7919) % count);
  const some = Array.from({ length: SOME }, (_, at) => idOf((at * 104_729) % count));
  const host = idOf(3).slice(0, 32);
  return [
    ["find one by _id", await medianMs(ROUNDS, (round) => all.findOne({ _id: pick(round) }))],
    [
      `find ${SOME} by _id, 16 at once`,
      await medianMs(3, async () => {
        for (let at = 0; at < SOME; at += 16) {
          await Promise.all(some.slice(at, at + 16).map((_id) => all.findOne({ _id })));
        }
      }),
    ],
    [`find ${SOME} by $in`, await medianMs(3, () => all.find({ _id: { $in: some } }).toArray())],
    [
      "a range of _id, a twentieth",
      await medianMs(3, () => all.find({ _id: { $gte: `${host}-`, $lt: `${host}.` } }).toArray()),
    ],
    ["equal on another field, a twentieth", await medianMs(3, () => all.find({ host }).toArray())],
    [
      "replace one by _id",
      await medianMs(ROUNDS, (round) => all.replaceOne({ _id: pick(round) }, { host, t1: round })),
    ],
    [
      "insert 64",
      await medianMs(5, (round) =>
        all.insertMany(Array.from({ length: SOME }, (_, at) => rowOf(1_000_000 + round * SOME + at))),
      ),
    ],
    [
      "delete 64 by _id",
      await medianMs(5, (round) =>
        all.bulkWrite(
          Array.from({ length: SOME }, (_, at) => ({
            deleteOne: { filter: { _id: idOf(1_000_000 + round * SOME + at) } },
          })),
        ),
      ),
    ],
  ];
}

const directory = mkdtempSync(join(tmpdir(), "hosttrail-database-"));
const tools = new URL("../.hosttrail/tools", import.meta.url).pathname;
const service = await mongodbService({ directory, tools, say: (text) => void process.stdout.write(`▸ ${text}\n`) });
try {
  await service.start();
  const client = await MongoClient.connect(service.url);
  const columns: [string, number][][] = [];
  for (const count of COUNTS) {
    const all = client.db("bench").collection<Row>(`rows_${count}`);
    for (let at = 0; at < count; at += 500) {
      await all.insertMany(Array.from({ length: 500 }, (_, within) => rowOf(at + within)));
    }
    columns.push(await measure(all, count));
  }
  await client.close();
  process.stdout.write(`${service.what}; milliseconds, medians, among so many documents of ${PAYLOAD_BYTES} bytes\n`);
  process.stdout.write(`${"".padEnd(38)}${COUNTS.map((count) => String(count).padStart(10)).join("")}\n`);
  for (const [row, [name]] of (columns[0] ?? []).entries()) {
    const cells = columns.map((column) => (column[row]?.[1] ?? 0).toFixed(1).padStart(10));
    process.stdout.write(`${name.padEnd(38)}${cells.join("")}\n`);
  }
} finally {
  await service.child?.stop();
  rmSync(directory, { recursive: true, force: true });
}
