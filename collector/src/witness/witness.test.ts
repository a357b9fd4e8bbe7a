import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { ed25519BytesOf } from "@hosttrail/lib/crypto";
import { openLogger } from "@hosttrail/lib/log";
import {
  cosignedAt,
  formatAddCheckpoint,
  formatCheckpoint,
  formatNote,
  GrowingTree,
  type KeyType,
  parseCosignatures,
  parseNote,
  proveConsistency,
  type ReadTile,
  rootOf,
  signNote,
  verifierKey,
} from "@hosttrail/lib/tlog";
import { startWitness } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "hosttrail-witness-"));
after(() => rmSync(folder, { recursive: true }));
const logger = openLogger("test", "error");
// What it refuses it tells; here it is asked for.
logger.level = "silent";

function signer(name: string, type: KeyType) {
  const { privateKey } = generateKeyPairSync("ed25519");
  const key = verifierKey(type, name, ed25519BytesOf(privateKey));
  return { key, sign: (message: Uint8Array) => sign(null, message, privateKey) };
}
const log = signer("log.example/a", "ed25519");
const key = signer("witness.example/w", "cosignature/v1");

const entries = Array.from({ length: 600 }, (_, at) => Buffer.from(String(at)));
const tiles = new Map(
  GrowingTree.empty()
    .append(entries)
    .map(({ level, index, bytes }) => [`${String(level)}/${String(index)}`, bytes]),
);
const read: ReadTile = ({ level, index, width }) =>
  Promise.resolve((tiles.get(`${String(level)}/${String(index)}`) ?? new Uint8Array()).subarray(0, width * 32));

async function checkpointOf(size: number, by = log, origin = by.key.name, root?: Uint8Array): Promise<Uint8Array> {
  const text = formatCheckpoint({ origin, size, root: root ?? (await rootOf(size, 600, read)), extensions: [] });
  return formatNote({ text, signatures: [signNote(text, by.key, by.sign)] });
}

function start(stateDirectory: string) {
  return startWitness(
    { listen: { host: "127.0.0.1", port: 0 }, stateDirectory, tls: undefined, logs: [log], key },
    logger,
  );
}

describe("a witness", () => {
  it("cosigns what only grew, and answers as the specification says", async () => {
    const directory = join(folder, "one");
    let running = await start(directory);
    const post = async (body: Uint8Array | string, path = "/add-checkpoint", method = "POST") => {
      const url = `http://127.0.0.1:${String(running.port)}${path}`;
      const response = await fetch(url, method === "POST" ? { method, body: Buffer.from(body) } : { method });
      return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
    };
    const add = async (oldSize: number, size: number, checkpoint?: Uint8Array, proveFrom = oldSize) => {
      const hashes = await proveConsistency(proveFrom, size, read);
      return await post(formatAddCheckpoint({ oldSize, hashes, checkpoint: checkpoint ?? (await checkpointOf(size)) }));
    };
    const statusOf = async (answer: Promise<{ status: number }>): Promise<number> => (await answer).status;

    const first = await add(0, 5);
    assert.equal(first.status, 200);
    const note = { ...parseNote(await checkpointOf(5)), signatures: parseCosignatures(Buffer.from(first.text)) };
    assert.ok(Math.abs((cosignedAt(note, key.key) ?? 0) - Date.now() / 1000) < 60);
    assert.equal(await statusOf(add(5, 300)), 200);
    // Again the same: a log that did not get the answer.
    assert.equal(await statusOf(add(300, 300)), 200);
    assert.deepEqual(await add(5, 301), { status: 409, type: "text/x.tlog.size", text: "300\n" });
    assert.deepEqual(await add(0, 5), { status: 409, type: "text/x.tlog.size", text: "300\n" });
    const other = await checkpointOf(300, log, log.key.name, await rootOf(299, 600, read));
    assert.deepEqual(await add(300, 300, other), { status: 409, type: "text/x.tlog.size", text: "300\n" });
    assert.equal(await statusOf(add(300, 400, undefined, 299)), 422);
    const forked = await checkpointOf(400, log, log.key.name, await rootOf(401, 600, read));
    assert.equal(await statusOf(add(300, 400, forked)), 422);
    assert.equal(await statusOf(add(300, 299, await checkpointOf(299), 299)), 400);
    // Of somebody else: another key with the same name, a log that is not known, the right log's name signed by another one.
    assert.equal(await statusOf(add(300, 400, await checkpointOf(400, signer("log.example/a", "ed25519")))), 403);
    assert.equal(await statusOf(add(300, 400, await checkpointOf(400, signer("log.example/b", "ed25519")))), 404);
    assert.equal(await statusOf(add(300, 400, await checkpointOf(400, signer("x", "ed25519"), log.key.name))), 403);
    const changed = Buffer.from(await checkpointOf(400))
      .toString()
      .replace("\n400\n", "\n401\n");
    assert.equal(await statusOf(add(300, 401, Buffer.from(changed), 300)), 403);
    for (const wrong of ["", "old 300\n", "old 0300\n\n", "x".repeat(60_000)])
      assert.equal(await statusOf(post(wrong)), 400);
    assert.equal(await statusOf(post("x".repeat(100_000))), 413);
    assert.equal(await statusOf(post("", "/other")), 404);
    assert.equal(await statusOf(post("", "/add-checkpoint", "GET")), 405);

    await assert.rejects(start(directory), /is in use by another witness/);
    await running.close();
    running = await start(directory);
    // What was cosigned is known after a restart.
    assert.equal((await add(0, 400)).text, "300\n");
    assert.equal(await statusOf(add(300, 600)), 200);
    // Where its memory is damaged it cosigns nothing, rather than anything.
    const file = join(directory, readdirSync(directory)[0] ?? "");
    const kept = readFileSync(file);
    writeFileSync(file, kept.subarray(0, 20));
    assert.equal(await statusOf(add(0, 5)), 500);
    assert.equal(await statusOf(add(600, 600)), 500);
    writeFileSync(file, kept);
    assert.equal(await statusOf(add(600, 600)), 200);
    await running.close();
    writeFileSync(join(directory, "other"), "");
    await assert.rejects(start(directory), /other is no file of a witness/);
  });

  it("cosigns one of two trees that are asked for at once", async () => {
    const running = await start(join(folder, "two"));
    const url = `http://127.0.0.1:${String(running.port)}/add-checkpoint`;
    const ask = async (size: number): Promise<number> => {
      const body = Buffer.from(formatAddCheckpoint({ oldSize: 0, hashes: [], checkpoint: await checkpointOf(size) }));
      return (await fetch(url, { method: "POST", body })).status;
    };
    const statuses = await Promise.all(Array.from({ length: 20 }, (_, at) => ask(at + 1)));
    assert.deepEqual(
      statuses.toSorted((a, b) => a - b),
      [200, ...Array.from({ length: 19 }, () => 409)],
    );
    await running.close();
  });
});
