import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openLogger } from "@hosttrail/lib/log";
import { parseLogEntry } from "@hosttrail/lib/logentry";
import {
  type Checkpoint,
  cosignedAt,
  decodeBundle,
  formatVerifierKey,
  GrowingTree,
  openCheckpoint,
  parsePolicy,
  parseTilePath,
  proveConsistency,
  verifyConsistency,
} from "@hosttrail/lib/tlog";
import { logIdOf, readFileAt } from "../logbook/index.ts";
import { makeSigner } from "../signer/index.ts";
import type { Drop, LegalHold } from "../model/index.ts";
import { startWitness } from "../witness/index.ts";
import { Kept, Process } from "./fixture.ts";
import { Attester } from "./index.ts";

const ORIGIN = "log.example/hosttrail";
const folder = mkdtempSync(join(tmpdir(), "hosttrail-attest-"));
after(() => rmSync(folder, { recursive: true }));
const logger = openLogger("test", "error");
// Processes die here all the time.
logger.level = "silent";
const signer = makeSigner("ed25519", ORIGIN, join(folder, "log.key"));
const witnessKey = makeSigner("cosignature/v1", "witness.example/w1", join(folder, "witness.key"));
let folders = 0;

const hostId = (number: number): string => number.toString(16).padStart(32, "0");
const hash = (number: number): string => number.toString(16).padStart(64, "0");
const chain = (lastSeq: number) => ({ epoch: 1n, lastSeq: BigInt(lastSeq), headerSha256: hash(lastSeq), missing: 0n });
const drop = (id: string): Drop => ({
  id,
  hostId: hostId(1),
  place: "20260101",
  epoch: 1n,
  ranges: [
    { first: 1n, next: 11n },
    { first: 11n, next: 21n },
  ],
  firstTimeNano: 0n,
  lastTimeNano: 0n,
  blocks: 2,
  events: 20,
  bytes: 100,
  policy: "events",
  keepDays: 30,
  actor: "default",
  timeMs: 1,
  state: "noted",
});
const hold = (id: string, releaseMs: number): LegalHold => ({
  id,
  hostIds: [hostId(2), hostId(1)],
  labels: { env: "prod" },
  firstDay: "20260101",
  lastDay: "20260131",
  reason: "two\nlines",
  creator: "certificate:alice",
  createMs: 1,
  releaseMs,
  releaser: "certificate:bob",
  releaseReason: "",
});

async function witness() {
  const stateDirectory = join(folder, `witness${String(++folders)}`);
  const logs = [{ key: signer.key }];
  const running = await startWitness(
    { listen: { host: "127.0.0.1", port: 0 }, stateDirectory, tls: undefined, logs, key: witnessKey },
    logger,
  );
  const url = `http://127.0.0.1:${String(running.port)}`;
  const policy = parsePolicy(Buffer.from(`witness w1 ${formatVerifierKey(witnessKey.key)} ${url}\nquorum w1\n`));
  return { running, policy };
}

/** Lets a process keep the log until `isDone`, or until it dies at that call. */
async function keep(
  kept: Kept,
  policy: ReturnType<typeof parsePolicy> | undefined,
  dieAt: number,
  isDone: () => boolean,
) {
  const stop = new AbortController();
  const process = new Process(kept, dieAt, () => stop.abort());
  const attester = new Attester(
    {
      source: process.source,
      log: process.archive,
      anchors: process.anchors,
      hold: (signal, work) => work({ term: String(dieAt), isHeld: () => !signal.aborted, signal }),
    },
    { signer, policy, intervalMs: 1, witnessTimeoutMs: 5000 },
    logger,
  );
  const look = setInterval(() => {
    if (isDone()) stop.abort();
  }, 1);
  // A log that is halted, or cannot go on, is looked at as it is.
  const late = setTimeout(() => stop.abort(), 1000);
  await attester.run(stop.signal);
  clearInterval(look);
  clearTimeout(late);
  return process;
}

/** Every checkpoint is the beginning of all later ones, cosigned, and its files are there. */
async function checkLog(
  kept: Kept,
  isWitnessed: boolean,
): Promise<{ entries: Uint8Array[]; last: Checkpoint | undefined }> {
  const checkpoints = [...kept.published.values()].map(({ note }) => openCheckpoint(note, [signer.key]));
  const last = checkpoints.at(-1)?.checkpoint;
  const size = last?.size ?? 0;
  const files = { getFile: (_: string, path: string) => Promise.resolve(kept.files.get(path)) };
  const fileOf = async (name: Parameters<typeof readFileAt>[2]) => {
    const bytes = await readFileAt(files, logIdOf(ORIGIN), name, size);
    assert.ok(bytes, `a file of the log: ${JSON.stringify(name)}`);
    return bytes;
  };
  for (const { checkpoint, note } of checkpoints) {
    if (isWitnessed) assert.ok(cosignedAt(note, witnessKey.key));
    if (last === undefined) continue;
    verifyConsistency(checkpoint, last, await proveConsistency(checkpoint.size, size, fileOf));
  }
  const entries: Uint8Array[] = [];
  for (let index = 0; index * 256 < size; index++) {
    const width = Math.min(256, size - index * 256);
    entries.push(...decodeBundle(await fileOf({ level: "entries", index, width }), width, "bundle"));
  }
  const tree = GrowingTree.empty();
  tree.append(entries);
  if (last !== undefined) assert.deepEqual(Buffer.from(tree.root()), Buffer.from(last.root));
  return { entries, last };
}

describe("the transparency log", () => {
  it("has heads, drops and holds, once each, and says them again when they change", async () => {
    const kept = new Kept();
    const { running, policy } = await witness();
    kept.chains = [3, 1, 2]
      .map((number) => ({ hostId: hostId(number), chains: [chain(number * 10)] }))
      .sort((a, b) => (a.hostId < b.hostId ? -1 : 1));
    kept.drops.set("d1", drop("d1"));
    kept.holds = [hold("h1", 0)];
    await keep(kept, policy, 0, () => kept.published.size >= 1 && kept.drops.size === 0);
    kept.chains[0] = { hostId: hostId(1), chains: [chain(11)] };
    kept.holds = [hold("h1", 5)];
    await keep(kept, policy, 0, () => kept.published.size >= 2);
    const { entries } = await checkLog(kept, true);
    const parsed = entries.map((entry) => parseLogEntry(entry));
    assert.deepEqual(
      parsed.map(({ kind }) => kind),
      ["dropped", "hold", "head", "head", "head", "release", "head"],
    );
    const [dropped, held, ...rest] = parsed;
    assert.deepEqual(dropped?.kind === "dropped" && dropped.ranges, [{ first: 1n, last: 20n }]);
    assert.deepEqual(held?.kind === "hold" && [held.hostIds, held.labels, held.reason], [
      [hostId(1), hostId(2)],
      ["env=prod"],
      "two lines",
    ]);
    assert.deepEqual(
      rest.flatMap((entry) => (entry.kind === "head" ? [Number(entry.lastSeq)] : [])),
      [10, 20, 30, 11],
    );
    await running.close();
  });

  it("goes on without a fork wherever its process dies", async () => {
    const kept = new Kept();
    const { running, policy } = await witness();
    let deaths = 0;
    // Each process dies one call later than the one before: one that begins, finishes what another began, and grows the log has some 60.
    for (let dieAt = 1; dieAt <= 72; dieAt++) {
      const before = kept.published.size;
      kept.chains = [1, 2, 3].map((number) => ({ hostId: hostId(number), chains: [chain(number + dieAt * 10)] }));
      kept.drops.set(`d${String(dieAt)}`, drop(`d${String(dieAt)}`));
      const process = await keep(kept, policy, dieAt, () => kept.published.size > before + 1 && kept.drops.size === 0);
      if (process.isDead) deaths++;
      await checkLog(kept, true);
    }
    assert.ok(deaths > 60, `${String(deaths)} deaths`);
    await keep(kept, policy, 0, () => kept.drops.size === 0 && kept.published.size === kept.commits.size);
    const { entries, last } = await checkLog(kept, true);
    assert.equal(kept.published.size, kept.commits.size);
    assert.ok((last?.size ?? 0) > 0);
    const dropped = new Set(entries.map((entry) => parseLogEntry(entry).kind));
    assert.ok(dropped.has("dropped"));
    // Narrower tiles do not gather.
    const narrow = [...kept.files.keys()].filter((path) => (parseTilePath(path)?.width ?? 0) < 256);
    assert.ok(narrow.length <= 2 * 4, narrow.join(" "));
    await running.close();
  });

  it("is continued by one process where two think that they are the one", async () => {
    const kept = new Kept();
    const { running, policy } = await witness();
    kept.chains = [{ hostId: hostId(1), chains: [chain(1)] }];
    const grow = setInterval(() => {
      const lastSeq = (kept.chains[0]?.chains[0]?.lastSeq ?? 0n) + 1n;
      kept.chains = [{ hostId: hostId(1), chains: [chain(Number(lastSeq))] }];
    }, 2);
    await Promise.all([0, -1, -2].map((dieAt) => keep(kept, policy, dieAt, () => kept.published.size > 30)));
    clearInterval(grow);
    await keep(kept, policy, 0, () => kept.published.size === kept.commits.size);
    await checkLog(kept, true);
    await running.close();
  });

  it("signs nothing on an older database, a changed one, or against its witnesses", async () => {
    const kept = new Kept();
    const { running, policy } = await witness();
    const grow = async (from: Kept, with_ = policy, times = 1): Promise<void> => {
      for (let time = 0; time < times; time++) {
        const lastSeq = (from.chains[0]?.chains[0]?.lastSeq ?? 0n) + 1n;
        from.chains = [{ hostId: hostId(1), chains: [chain(Number(lastSeq))] }];
        const before = from.published.size;
        await keep(from, with_, 0, () => from.published.size > before);
      }
    };
    await grow(kept, policy, 3);
    const old = kept.copy();
    await grow(kept, policy, 2);
    const stays = async (from: Kept): Promise<void> => {
      const [commits, published] = [from.commits.size, from.published.size];
      await grow(from);
      assert.deepEqual([from.commits.size, from.published.size], [commits, published]);
    };
    // The database was set back; JetStream knows better.
    await stays(Object.assign(old.copy(), { anchor: kept.anchor }));
    // JetStream was lost as well; the witness knows better.
    await stays(Object.assign(old.copy(), { anchor: undefined }));
    // Both were set back.
    await stays(old.copy());
    // The database is empty.
    await stays(Object.assign(new Kept(), { anchor: kept.anchor }));
    // A tile was changed, or a commit.
    const damaged = kept.copy();
    for (const [path, bytes] of damaged.files)
      if (path.startsWith("tile/0/"))
        damaged.files.set(
          path,
          bytes.map((byte) => byte ^ 1),
        );
    await stays(damaged);
    // Another one has put a checkpoint of its own into JetStream.
    const other = makeSigner("ed25519", ORIGIN, join(folder, `other${String(++folders)}.key`));
    const foreign = kept.copy();
    if (foreign.anchor)
      foreign.anchor = {
        ...foreign.anchor,
        note: Buffer.from(
          Buffer.from(foreign.anchor.note)
            .toString()
            .replace(/ [^ ]*\n$/, " AAAAAAA=\n"),
        ),
      };
    await stays(foreign);
    assert.notEqual(other.key.id, signer.key.id);
    // As it was it goes on.
    await grow(kept);
    await checkLog(kept, true);
    assert.equal(kept.published.size, 6);
    await running.close();
    // Without its witness a process that begins does not even know whether the log is still the one that the witness has.
    await stays(kept);
  });

  it("leaves out what no entry can say, and goes on with the others", async () => {
    const kept = new Kept();
    kept.chains = [
      { hostId: hostId(1), chains: [{ ...chain(1), headerSha256: "" }] },
      { hostId: hostId(2), chains: [chain(2)] },
    ];
    kept.drops.set("d1", { ...drop("d1"), place: "never" });
    kept.drops.set("d2", drop("d2"));
    await keep(kept, undefined, 0, () => kept.published.size === 1 && kept.drops.size === 1);
    const { entries } = await checkLog(kept, false);
    assert.deepEqual(
      entries.map((entry) => parseLogEntry(entry).kind),
      ["dropped", "head"],
    );
    assert.deepEqual([...kept.drops.keys()], ["d1"]);
  });

  it("keeps the furthest head of a chain that the database shortens or forgets", async () => {
    const kept = new Kept();
    kept.chains = [
      { hostId: hostId(1), chains: [chain(20)] },
      { hostId: hostId(2), chains: [chain(30)] },
    ];
    await keep(kept, undefined, 0, () => kept.published.size === 1);
    kept.chains = [{ hostId: hostId(1), chains: [chain(10)] }];
    await keep(kept, undefined, 0, () => false);
    const { entries } = await checkLog(kept, false);
    assert.equal(entries.length, 2);
  });
});
