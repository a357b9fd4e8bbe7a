/** The transparency log on a whole stack: heads go in, a witness cosigns, processes die, a database is set back, a log is forged. */
import assert from "node:assert/strict";
import { createPrivateKey, randomInt, sign } from "node:crypto";
import { cpSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Archive } from "@hosttrail/collector/mongodb";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import { logIdOf } from "@hosttrail/collector/logbook";
import { type LogEntry, parseLogEntry } from "@hosttrail/lib/logentry";
import {
  type Checkpoint,
  cosignedAt,
  decodeBundle,
  emptyRoot,
  formatAddCheckpoint,
  formatCheckpoint,
  formatNote,
  leafHash,
  openCheckpoint,
  proveConsistency,
  proveInclusion,
  type ReadTile,
  signNote,
  TILE_WIDTH,
  tilePath,
  tileWidth,
  verifierKey,
  verifyConsistency,
  verifyInclusion,
} from "@hosttrail/lib/tlog";
import { type ListLogEntriesResponse, type LogCheckpoint, LogServiceClient, type LogTile } from "@hosttrail/proto/log";
import { type Child, freePort, type Identity, type Stack } from "@hosttrail/stack";
import { credentialsOf, eventually, openStack } from "./environment.ts";
import { type LogFixture, openLog, readLogFile } from "./logwitness.ts";
import { metricsOf } from "./metrics.ts";
import { executed, openBlockStream, PublishingHost } from "./publisher.ts";

const ORIGIN = "log.example/hosttrail";
/** Times that a process that keeps the log is killed. */
const KILLS = Number(process.env["HOSTTRAIL_KILLS"] ?? "20");
const HOSTS = 5;

interface Keeper {
  child: Child;
  port: number;
  metricsPort: number;
}

describe("the transparency log of a stack", () => {
  let stack: Stack & AsyncDisposable;
  let log: LogFixture;
  let stream: BlockStream;
  const hosts = Array.from({ length: HOSTS }, (_, at) => new PublishingHost(`host${String(at)}`));
  const lastSeqs = new Map<string, bigint>();
  const keepers: Keeper[] = [];
  /** All checkpoints that were seen, by anybody and at any time. */
  const seen = new Map<string, Checkpoint>();

  before(async () => {
    stack = await openStack({
      collector: {
        roles: ["enroll", "ingest", "store", "compact", "query"],
        compact: { age_ms: 0, turn_ms: 200 },
        attest: { origin: ORIGIN },
        access: {
          bindings: [
            { subject: "certificate:dev", role: "admin" },
            { subject: "certificate:of-a", role: "viewer", scope: { team: "a" } },
          ],
        },
      },
    });
    log = await openLog(join(dirname(stack.profileFile), "log"), ORIGIN);
    await stack.startServices();
    await stack.startCollector();
    stream = await openBlockStream(stack);
  });
  after(async () => {
    await stream?.close();
    await log?.witness.stop();
    await stack?.[Symbol.asyncDispose]();
  });

  async function startKeeper(): Promise<Keeper> {
    const [port, metricsPort] = await Promise.all([freePort(), freePort()]);
    const { process: child } = await stack.startAnotherCollector({
      roles: ["attest"],
      attest: { ...log.config, listen: `127.0.0.1:${String(port)}` },
      metrics: { listen: `127.0.0.1:${String(metricsPort)}` },
    });
    const keeper = { child, port, metricsPort };
    keepers.push(keeper);
    return keeper;
  }

  /** A block of each host. */
  async function publish(): Promise<void> {
    for (const host of hosts) {
      const events = Array.from({ length: 3 }, () => executed(["true"], BigInt(Date.now()) * 1_000_000n));
      await host.publish(stream, host.seal(events));
      lastSeqs.set(host.hostId, (lastSeqs.get(host.hostId) ?? -1n) + 3n);
    }
  }

  /** The newest checkpoint that anybody of those who keep the log tells. */
  async function newest(): Promise<{ checkpoint: Checkpoint; port: number }> {
    for (const { child, port } of keepers) {
      if (!child.running) continue;
      const answer = await readLogFile(stack, port, "checkpoint").catch(() => undefined);
      if (answer?.status !== 200) continue;
      assert.equal(answer.type, "text/plain; charset=utf-8");
      const { checkpoint, note } = openCheckpoint(answer.body, [log.key]);
      assert.ok(cosignedAt(note, log.witnessKey), "nothing is published without its witness");
      seen.set(note.text, checkpoint);
      return { checkpoint, port };
    }
    throw new Error("nobody tells a checkpoint");
  }

  /** Whoever keeps the log now; anybody where none of them says so. */
  async function active(): Promise<Keeper> {
    for (const keeper of keepers) {
      const said = await metricsOf(keeper).catch(() => "");
      if (/^hosttrail_log_is_active 1$/m.test(said)) return keeper;
    }
    return keepers[randomInt(keepers.length)] as Keeper;
  }

  async function fileOf(port: number, path: string): Promise<Uint8Array> {
    const { status, body, type } = await readLogFile(stack, port, path);
    assert.equal(status, 200, path);
    assert.equal(type, "application/octet-stream");
    return body;
  }

  async function entriesOf(port: number, size: number): Promise<Uint8Array[]> {
    const entries: Uint8Array[] = [];
    for (let index = 0; index * TILE_WIDTH < size; index++) {
      const width = tileWidth(size, 0, index);
      entries.push(...decodeBundle(await fileOf(port, tilePath({ level: "entries", index, width })), width, "bundle"));
    }
    return entries;
  }

  async function waitForHeads(): Promise<{ checkpoint: Checkpoint; port: number }> {
    return await eventually("the newest heads in the log", 60_000, async () => {
      const { checkpoint, port } = await newest();
      const heads = new Map<string, bigint>();
      for (const bytes of await entriesOf(port, checkpoint.size)) {
        const entry = parseLogEntry(bytes);
        if (entry.kind === "head") heads.set(entry.hostId, entry.lastSeq);
      }
      const behind = [...lastSeqs].filter(([hostId, lastSeq]) => heads.get(hostId) !== lastSeq);
      return behind.length === 0 ? { checkpoint, port } : undefined;
    });
  }

  it("has the heads of all hosts, each with a proof that leads to what the witness cosigned", async () => {
    await startKeeper();
    await publish();
    const { checkpoint, port } = await waitForHeads();
    const readTile: ReadTile = async (name) => await fileOf(port, tilePath(name));
    for (const [index, entry] of (await entriesOf(port, checkpoint.size)).entries()) {
      verifyInclusion(checkpoint, index, leafHash(entry), await proveInclusion(checkpoint.size, index, readTile));
    }
    // Who has no role for all hosts learns nothing; neither does anybody learn what is not published.
    assert.equal((await readLogFile(stack, port, "checkpoint", "none")).status, 403);
    const wide = tilePath({ level: "entries", index: 0, width: TILE_WIDTH });
    assert.equal((await readLogFile(stack, port, wide)).status, 404);
    for (const path of ["", "tile/0/0", "../checkpoint", "tile/entries/x000/000"])
      assert.equal((await readLogFile(stack, port, path)).status, 404);
  });

  it("is told by the API: to who has a scope, of other hosts hashes alone", async () => {
    const [own] = hosts as [PublishingHost, ...PublishingHost[]];
    const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
    try {
      await archive.identities.insertIdentity({
        hostId: own.hostId,
        hostName: "host0",
        labels: { team: "a" },
        proof: "token:test",
        keyFingerprint: own.hostId,
        enrollMs: Date.now(),
        expireMs: 0,
        revokeMs: 0,
        revokeReason: "",
        boots: [],
        clonedBoots: [],
      });
    } finally {
      await archive.close();
    }
    const ask = async (identity: Identity) => {
      const client = new LogServiceClient(`localhost:${String(stack.queryPort)}`, credentialsOf(stack, identity));
      const call = <Response>(
        ask: (done: (error: Error | null, response: Response) => void) => void,
      ): Promise<Response> =>
        new Promise((resolve, reject) => {
          ask((error, response) => (error === null ? resolve(response) : reject(error)));
        });
      try {
        const { note } = await call<LogCheckpoint>((done) => client.getCheckpoint({}, done));
        const { checkpoint } = openCheckpoint(note, [log.key]);
        const readTile: ReadTile = async ({ level, index, width }) => {
          const request = { level, index: BigInt(index), width };
          return (await call<LogTile>((done) => client.getTile(request, done))).hashes;
        };
        const request = { firstIndex: 0n, pageSize: 1024 };
        const { entries } = await call<ListLogEntriesResponse>((done) => client.listLogEntries(request, done));
        for (const { index, leafHash: leaf, entry } of entries) {
          if (Number(index) >= checkpoint.size) continue;
          verifyInclusion(
            checkpoint,
            Number(index),
            leaf,
            await proveInclusion(checkpoint.size, Number(index), readTile),
          );
          if (entry.length > 0) assert.deepEqual(Buffer.from(leafHash(entry)), Buffer.from(leaf));
        }
        await assert.rejects(readTile({ level: 0, index: 1_000_000, width: 1 }), /TILE_NOT_FOUND|no such tile/);
        await assert.rejects(readTile({ level: 0, index: 0, width: 257 }), /width is 257; allowed are 1 to 256/);
        return entries.map(({ entry }) => (entry.length === 0 ? undefined : parseLogEntry(entry)));
      } finally {
        client.close();
      }
    };
    const hostOf = (entry: LogEntry | undefined): string | undefined =>
      entry?.kind === "head" ? entry.hostId : undefined;
    const all = await ask(stack.user);
    assert.deepEqual(new Set(all.map(hostOf)), new Set(hosts.map(({ hostId }) => hostId)));
    // A scope is read again every few seconds.
    await eventually("the entries of the own host", 30_000, async () => {
      const seenByTeam = await ask(await stack.ca.user("of-a"));
      assert.deepEqual(new Set(seenByTeam.map(hostOf)), new Set([own.hostId, undefined]));
      return true;
    });
  });

  it(`is one log after ${String(KILLS)} processes that kept it were killed`, async () => {
    await startKeeper();
    let size = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      await publish();
      size = await eventually("growth", 60_000, async () => {
        const { checkpoint } = await newest();
        return checkpoint.size > size ? checkpoint.size : undefined;
      });
      await publish();
      // Anywhere in a turn: the next one begins within 100 ms.
      await sleep(randomInt(400));
      const keeper = await active();
      await keeper.child.kill("SIGKILL");
      keeper.child.start();
    }
    await publish();
    const { checkpoint: last, port } = await waitForHeads();
    const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
    try {
      // Also those that nobody has asked for.
      const logId = logIdOf(ORIGIN);
      for (let number = 1; ; number++) {
        const published = await archive.log.getPublished(logId, number);
        if (published === undefined) break;
        const { checkpoint, note } = openCheckpoint(published.note, [log.key]);
        assert.ok(cosignedAt(note, log.witnessKey));
        seen.set(note.text, checkpoint);
      }
    } finally {
      await archive.close();
    }
    const tiles = new Map<string, Promise<Uint8Array>>();
    const readTile: ReadTile = (name) => {
      const path = tilePath(name);
      const tile = tiles.get(path) ?? fileOf(port, path);
      tiles.set(path, tile);
      return tile;
    };
    const final = await newest();
    const all = [...seen.values()].filter(({ size }) => size <= final.checkpoint.size);
    assert.ok(all.length >= KILLS, `${String(all.length)} checkpoints`);
    for (const old of all) {
      verifyConsistency(old, final.checkpoint, await proveConsistency(old.size, final.checkpoint.size, readTile));
    }
    assert.ok(final.checkpoint.size >= last.size);
    // A head never goes back.
    const heads = new Map<string, bigint>();
    for (const bytes of await entriesOf(port, last.size)) {
      const entry = parseLogEntry(bytes);
      if (entry.kind !== "head") continue;
      assert.ok(entry.lastSeq >= (heads.get(entry.hostId) ?? 0n));
      heads.set(entry.hostId, entry.lastSeq);
    }
  });

  it("has a witness that cosigns no forged checkpoint, even by the log's own key", async () => {
    const { checkpoint } = await newest();
    const privateKey = createPrivateKey(readFileSync(log.keyFile));
    const ask = async (
      changes: Partial<Checkpoint>,
      oldSize: number,
      hashes: Uint8Array[],
      key = log.key,
    ): Promise<number> => {
      const text = formatCheckpoint({ ...checkpoint, ...changes });
      const signature = signNote(text, key, (message) => sign(null, message, privateKey));
      const body = formatAddCheckpoint({ oldSize, hashes, checkpoint: formatNote({ text, signatures: [signature] }) });
      const url = `http://127.0.0.1:${String(log.witnessPort)}/add-checkpoint`;
      return (await fetch(url, { method: "POST", body: Buffer.from(body) })).status;
    };
    for (const { child } of keepers) await child.stop();
    const size = await eventually("the witness's size", 5000, async () => {
      // Nothing changes any more: it has cosigned what was published, or one more.
      const url = `http://127.0.0.1:${String(log.witnessPort)}/add-checkpoint`;
      const text = formatCheckpoint({ ...checkpoint, size: 0, root: emptyRoot() });
      const signature = signNote(text, log.key, (message) => sign(null, message, privateKey));
      const body = formatAddCheckpoint({
        oldSize: 0,
        hashes: [],
        checkpoint: formatNote({ text, signatures: [signature] }),
      });
      return Number(await (await fetch(url, { method: "POST", body: Buffer.from(body) })).text());
    });
    assert.ok(size >= checkpoint.size);
    assert.equal(await ask({ size, root: leafHash(Buffer.from("another")) }, size, []), 409);
    assert.equal(await ask({ size: size + 7, root: leafHash(Buffer.from("another")) }, size, []), 422);
    assert.equal(await ask({ size: size + 7 }, size, [leafHash(Buffer.from("x"))]), 422);
    assert.equal(await ask({ size: checkpoint.size - 1 }, checkpoint.size - 1, []), 409);
    const stranger = verifierKey("ed25519", ORIGIN, Buffer.alloc(32, 7));
    assert.equal(await ask({ size: size + 7 }, size, [], stranger), 403);
    assert.equal(await ask({ origin: "log.example/other" }, size, []), 404);
  });

  it("is not continued upon a database that was set back", async (context) => {
    const server = stack.mongodb.child;
    const folder = join(dirname(stack.profileFile), "mongodb");
    if (server === undefined) return context.skip("the database is not ours");
    await stack.collector.stop();
    await server.stop();
    cpSync(folder, `${folder}.old`, { recursive: true });
    const restart = async (): Promise<void> => {
      await stack.mongodb.start();
      await stack.startCollector();
      (keepers[0] as Keeper).child.start();
    };
    await restart();
    await publish();
    const { checkpoint } = await waitForHeads();

    for (const { child } of keepers) await child.stop();
    await stack.collector.stop();
    await server.stop();
    rmSync(folder, { recursive: true });
    cpSync(`${folder}.old`, folder, { recursive: true });
    await restart();
    const keeper = keepers[0] as Keeper;
    await eventually("the refusal", 30_000, async () => {
      const halted = /hosttrail_log_halted\{reason="database-older"\} 1/.test(await metricsOf(keeper));
      return halted || undefined;
    });
    assert.match(
      keeper.child.logTail(200),
      /nothing more is signed for the transparency log until an operator has decided/,
    );
    await publish();
    await sleep(2000);
    const after = await newest();
    assert.ok(after.checkpoint.size < checkpoint.size, "it tells what the older database has");
  });
});
