/**
 * Retention on a real database: what policies and holds keep, what is dropped and when, whoever is killed meanwhile, and that questions
 * are told. HOSTTRAIL_RETENTION_KILLS is how often the process that drops is killed.
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { createHash, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { asideSource, compactArchive, historySource, retainArchive } from "@hosttrail/collector/archives";
import { Compactor } from "@hosttrail/collector/compact";
import { History } from "@hosttrail/collector/history";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import type { Drop, LegalHold } from "@hosttrail/collector/model";
import { Archive } from "@hosttrail/collector/mongodb";
import { FileAside, Retainer, type RetainOptions } from "@hosttrail/collector/retain";
import { eventId, SegmentReader } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { openLogger } from "@hosttrail/lib/log";
import { Alert, Severity } from "@hosttrail/proto/alert";
import type { QueryServiceClient } from "@hosttrail/proto/query";
import { RetentionServiceClient } from "@hosttrail/proto/retention";
import { credentialsOf, eventually, openStack, queryClient, search } from "./environment.ts";
import { executed, openBlockStream, PublishingHost } from "./publisher.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const KILLS = Number(process.env["HOSTTRAIL_RETENTION_KILLS"] ?? 10);
const BLOCKS_A_DAY = 2;
const EVENTS_A_BLOCK = 5;
/** Noon of today, which is the time here: no test depends on when it runs. */
const NOON_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS + 12 * HOUR_MS;
const CLI = new URL("../cli/src/main.ts", import.meta.url).pathname;
const RETAINER = new URL("retainer.ts", import.meta.url).pathname;
const OPTIONS: RetainOptions = {
  turnMs: 1,
  graceMs: 24 * HOUR_MS,
  settleMs: 0,
  clockGapMs: 4 * DAY_MS,
  waitsForLog: false,
};
const logger = openLogger("test", "error");

let stack: Awaited<ReturnType<typeof openStack>>;
let stream: BlockStream;
let client: QueryServiceClient;
let archive: Archive;
let compactor: Compactor;

before(async () => {
  // The collector's own steps are asleep: the tests have some of their own.
  const compact = { turn_ms: 600_000, age_ms: 3_600_000, blocks_min: 16_384 };
  const retention = { turn_ms: 86_400_000 };
  const query = { cache_bytes: 0 };
  const access = {
    bindings: [
      { subject: "certificate:dev", role: "admin" },
      { subject: "certificate:scoped", role: "admin", scope: { env: "prod" } },
    ],
  };
  stack = await openStack({ collector: { access, compact, query, retention } });
  await stack.startServices();
  await stack.startCollector();
  client = queryClient(stack);
  stream = await openBlockStream(stack);
  archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  const options = { turnMs: 50, ageMs: 0, blocksMin: 1 };
  const history = new History(historySource(archive));
  compactor = new Compactor(compactArchive(archive), history, archive.hosts, options, logger);
});
after(async () => {
  await compactor?.close();
  client?.close();
  await stream?.close();
  await archive?.close();
  await stack?.[Symbol.asyncDispose]();
});

function placeOf(daysAgo: number): string {
  return new Date(NOON_MS - daysAgo * DAY_MS).toISOString().slice(0, 10).replaceAll("-", "");
}

function isoDay(daysAgo: number): string {
  return new Date(NOON_MS - daysAgo * DAY_MS).toISOString().slice(0, 10);
}

let epochs = 0n;
const filled = new Map<string, PublishingHost>();

/** Publishes some blocks of a host on each of these days, and waits until they are compacted. */
async function fill(names: readonly string[], daysAgo: readonly number[]): Promise<string[]> {
  const hosts = names.map((name) => new PublishingHost(name, ++epochs));
  for (const [at, name] of names.entries()) filled.set(name, hosts[at] as PublishingHost);
  for (const host of hosts) await publish(host, daysAgo);
  await stored();
  while (await compactor.compactWaiting()) await sleep(1);
  assert.equal((await archive.arrivals.waitingDays()).size, 0, "all is compacted");
  return hosts.map(({ hostId }) => hostId);
}

/** The same host and epoch as last time; what it publishes continues its trail. */
async function fillMore(name: string, daysAgo: number): Promise<void> {
  const host = filled.get(name) ?? assert.fail(`${name} was not filled`);
  await publish(host, [daysAgo]);
  await stored();
  while (await compactor.compactWaiting()) await sleep(1);
}

async function publish(host: PublishingHost, daysAgo: readonly number[]): Promise<void> {
  for (const days of daysAgo.toSorted((a, b) => b - a))
    for (let block = 0; block < BLOCKS_A_DAY; block++) {
      const startMs = NOON_MS - days * DAY_MS + block * 60_000;
      const events = Array.from({ length: EVENTS_A_BLOCK }, (_, at) =>
        executed(["true", String(at)], BigInt(startMs + at) * 1_000_000n),
      );
      await host.publish(stream, host.seal(events));
    }
}

async function stored(): Promise<void> {
  await eventually("all blocks being stored", 60_000, async () => (await stream.lag()) === 0 || undefined);
}

async function enroll(hostId: string, labels: Record<string, string>): Promise<void> {
  const none = { expireMs: 0, revokeMs: 0, revokeReason: "", boots: [], clonedBoots: [] };
  const identity = { hostId, hostName: hostId, labels, proof: "token:test", keyFingerprint: hostId, enrollMs: 1 };
  await archive.identities.insertIdentity({ ...identity, ...none });
}

async function setPolicy(name: string, keepDays: number, labels: Record<string, string> = {}): Promise<void> {
  const about = { severityMin: 0, author: "certificate:test", updateMs: Date.now() };
  await archive.retention.putPolicy({ name, kind: "events", labels, keepDays, ...about });
}

function holdOf(hold: Partial<LegalHold>): LegalHold {
  const open = { releaseMs: 0, releaser: "", releaseReason: "", creator: "certificate:test", createMs: Date.now() };
  return {
    id: `hold-${++epochs}`,
    hostIds: [],
    labels: {},
    firstDay: "19700101",
    lastDay: "99991231",
    reason: "test",
    ...open,
    ...hold,
  };
}

/** A process's retention, at so many days from noon of today. */
function retainerAt(days: number, options: Partial<RetainOptions> = {}): Retainer {
  return new Retainer(retainArchive(archive), { ...OPTIONS, ...options }, logger, () => NOON_MS + days * DAY_MS);
}

/** Marks today, and drops when the time for second thoughts is over. */
async function dropAll(options: Partial<RetainOptions> = {}): Promise<void> {
  await retainerAt(0, options).turn();
  const later = retainerAt(1.01, options);
  // It puts fences up, and drops behind them.
  await later.turn();
  await later.turn();
}

/** Days that these hosts have history of, and how many events. */
async function keptDays(hostIds: readonly string[]): Promise<Record<string, number>[]> {
  const kept: Record<string, number>[] = hostIds.map(() => ({}));
  for (const place of await archive.history.days())
    for (const { hostId, entries } of await archive.history.catalogs(place, undefined)) {
      const own = kept[hostIds.indexOf(hostId)];
      if (own === undefined) continue;
      own[place] = entries.reduce((sum, { events }) => sum + events, 0);
      for (const { id } of entries)
        assert.notEqual(await archive.history.payload(place, id), undefined, `${place} ${id} is there`);
    }
  return kept;
}

function daysOf(daysAgo: readonly number[]): Record<string, number> {
  return Object.fromEntries(daysAgo.map((days) => [placeOf(days), BLOCKS_A_DAY * EVENTS_A_BLOCK]));
}

async function dropsOf(hostId: string): Promise<Drop[]> {
  return await archive.drops.listDrops(hostId, "", 1000);
}

function getEvent(id: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    client.getEvent({ id }, (error, event) => (error === null ? resolve(event) : reject(error)));
  });
}

/** Nothing is about to happen, and nothing is left over. */
async function assertSettled(): Promise<void> {
  assert.deepEqual(await archive.retention.listMarks(), []);
  assert.deepEqual(await archive.retention.listFences(), []);
  // What is taken away by a retention of days to come is left over from then.
  await compactor.sweep(performance.now());
  await compactor.sweep(performance.now() + 100 * DAY_MS);
  assert.deepEqual(await archive.history.leftovers(), []);
}

describe("retention", () => {
  const ago = [0, 5, 29, 32, 45];

  it("keeps thirty days where nobody said anything else, and drops nothing before the time for second thoughts is over", async () => {
    const [host = ""] = await fill(["plain"], ago);
    await retainerAt(0).turn();
    assert.deepEqual(
      (await archive.retention.listMarks()).map(({ place }) => place).toSorted(),
      [32, 45].map(placeOf).toSorted(),
    );
    await retainerAt(0.9).turn();
    await retainerAt(0.9).turn();
    assert.deepEqual(await keptDays([host]), [daysOf(ago)]);
    await dropAll();
    assert.deepEqual(await keptDays([host]), [daysOf([0, 5, 29])]);
    const drops = await dropsOf(host);
    assert.deepEqual(
      drops.map(({ place, events, blocks, policy, state }) => ({ place, events, blocks, policy, state })),
      [45, 32].map((days) => ({ place: placeOf(days), events: 10, blocks: 2, policy: "events", state: "done" })),
    );
    assert.deepEqual(drops[0]?.ranges, [{ first: 0n, next: 10n }]);
    await assertSettled();
  });

  it("goes by labels: the longest policy that applies wins, and those for all are for the others", async () => {
    const [long = "", short = "", both = "", none = ""] = await fill(["long", "short", "both", "none"], ago);
    await enroll(long, { env: "prod" });
    await enroll(short, { tier: "scratch" });
    await enroll(both, { env: "prod", tier: "scratch" });
    await setPolicy("prod", 40, { env: "prod" });
    await setPolicy("scratch", 3, { tier: "scratch" });
    await dropAll();
    assert.deepEqual(await keptDays([long, short, both, none]), [
      daysOf([0, 5, 29, 32]),
      daysOf([0]),
      daysOf([0, 5, 29, 32]),
      daysOf([0, 5, 29]),
    ]);
    assert.deepEqual((await dropsOf(short)).map(({ policy, actor }) => ({ policy, actor }))[0], {
      policy: "scratch",
      actor: "certificate:test",
    });
    await archive.retention.deletePolicy("prod");
    await archive.retention.deletePolicy("scratch");
    await dropAll();
    await assertSettled();
  });

  it("undoes a wrong policy within the time for second thoughts", async () => {
    const [host = ""] = await fill(["undone"], [0, 5, 29]);
    await setPolicy("events", 1);
    await retainerAt(0).turn();
    assert.ok((await archive.retention.listMarks()).some(({ hostId }) => hostId === host));
    await archive.retention.deletePolicy("events");
    for (const days of [0.5, 1.01, 1.01]) await retainerAt(days).turn();
    assert.deepEqual(await keptDays([host]), [daysOf([0, 5, 29])]);
    await assertSettled();
  });

  it("keeps the days of a hold, by host and by label, until it is released", async () => {
    const [held = "", labelled = "", free = ""] = await fill(["held", "labelled", "free"], ago);
    await enroll(labelled, { case: "7" });
    const byHost = holdOf({ hostIds: [held], firstDay: placeOf(50), lastDay: placeOf(40) });
    const byLabel = holdOf({ labels: { case: "7" } });
    await archive.retention.insertHold(byHost);
    await archive.retention.insertHold(byLabel);
    await dropAll();
    assert.deepEqual(await keptDays([held, labelled, free]), [daysOf([0, 5, 29, 45]), daysOf(ago), daysOf([0, 5, 29])]);
    for (const { id } of [byHost, byLabel])
      assert.equal(await archive.retention.releaseHold(id, "certificate:test", "over", Date.now()), true);
    assert.equal(await archive.retention.releaseHold(byHost.id, "certificate:other", "again", 1), false);
    await dropAll();
    assert.deepEqual(await keptDays([held, labelled]), [daysOf([0, 5, 29]), daysOf([0, 5, 29])]);
    await assertSettled();
  });

  it("drops nothing that was held between the note and the removal", async () => {
    const [host = ""] = await fill(["latehold"], [0, 32]);
    await retainerAt(0).turn();
    await retainerAt(1.01, { settleMs: DAY_MS }).turn();
    assert.equal((await archive.retention.listFences()).length, 1);
    const real = retainArchive(archive);
    // As if a person made the hold in the very moment when what goes has been noted.
    const hold = holdOf({ hostIds: [host] });
    const racing = {
      ...real,
      async putBatch(batch: Parameters<typeof real.putBatch>[0]) {
        if (batch.state === "removing") await archive.retention.insertHold(hold);
        await real.putBatch(batch);
      },
    };
    await new Retainer(racing, OPTIONS, logger, () => NOON_MS + 1.01 * DAY_MS).turn();
    assert.deepEqual(await keptDays([host]), [daysOf([0, 32])]);
    assert.deepEqual(
      (await dropsOf(host)).map(({ state }) => state),
      ["withdrawn"],
    );
    assert.deepEqual(await archive.drops.droppedDays(placeOf(32), placeOf(32), new Set([host])), []);
    await archive.retention.releaseHold(hold.id, "certificate:test", "over", Date.now());
    await dropAll();
    assert.deepEqual(await keptDays([host]), [daysOf([0])]);
    await assertSettled();
  });

  it("drops nothing while blocks of the day are not compacted, and nothing compacts while a day is dropped", async () => {
    const [host = ""] = await fill(["uncompacted"], [0, 32]);
    const late = new PublishingHost("uncompacted", ++epochs);
    await publish(late, [32]);
    await stored();
    await dropAll();
    assert.deepEqual(await keptDays([host]), [daysOf([0, 32])]);
    await archive.retention.addFence({ place: placeOf(32), timeMs: Date.now() });
    await compactor.close();
    const other = new Compactor(
      compactArchive(archive),
      new History(historySource(archive)),
      archive.hosts,
      { turnMs: 50, ageMs: 0, blocksMin: 1 },
      logger,
    );
    try {
      await other.compactWaiting();
      assert.deepEqual([...(await archive.arrivals.waitingDays())], [`${host} ${placeOf(32)}`]);
      await archive.retention.removeFence(placeOf(32));
      await sleep(5100);
      while (await other.compactWaiting()) await sleep(1);
    } finally {
      await other.close();
    }
    await dropAll();
    assert.deepEqual(await keptDays([host]), [daysOf([0])]);
    await assertSettled();
  });

  it("keeps a late block of a dropped day for the time for second thoughts, and drops it by itself", async () => {
    const [host = ""] = await fill(["late"], [0, 32]);
    await dropAll();
    assert.equal((await dropsOf(host)).length, 1);
    await fill(["late"], [32]);
    assert.deepEqual(await keptDays([host]), [daysOf([0, 32])]);
    await dropAll();
    assert.deepEqual(await keptDays([host]), [daysOf([0])]);
    assert.deepEqual(
      (await dropsOf(host)).map(({ events }) => events),
      [10, 10],
    );
    await assertSettled();
  });

  it("takes a block that is sent again after its day was dropped, keeps it not, and calls it no fork", async () => {
    const again = new PublishingHost("again", ++epochs);
    const sent = executed(["true"], BigInt(NOON_MS - 32 * DAY_MS) * 1_000_000n);
    const block = again.seal([sent]);
    await again.publish(stream, block);
    await publish(again, [0]);
    await stored();
    while (await compactor.compactWaiting()) await sleep(1);
    await dropAll();
    const days = await keptDays([again.hostId]);
    // Else JetStream would know it from its id.
    const copy = { ...block, headerSha256: "0".repeat(64) };
    await stream.publish({ ...copy, hostId: again.hostId, hostName: "again", signer: "", clockOffsetMs: 0 });
    await stored();
    assert.equal((await archive.arrivals.waitingDays()).size, 0, "nothing arrived");
    assert.deepEqual(await keptDays([again.hostId]), days);
    assert.equal((await archive.hosts.getHost(again.hostId))?.faults.forkedBlocks, 0);
    await assertSettled();
  });

  it("marks and drops nothing while the clock is far from the newest event", async () => {
    const [host = ""] = await fill(["clock"], [0, 5]);
    for (const days of [365, 366.1, 366.1, -365]) await retainerAt(days, { clockGapMs: DAY_MS }).turn();
    assert.deepEqual(await keptDays([host]), [daysOf([0, 5])]);
    await assertSettled();
  });

  it("waits for the transparency log where that is wanted", async () => {
    const [host = ""] = await fill(["logged"], [0, 32]);
    await dropAll({ waitsForLog: true });
    assert.deepEqual(await keptDays([host]), [daysOf([0, 32])]);
    const unlogged = (await archive.drops.listUnloggedDrops(1000)).filter(({ hostId }) => hostId === host);
    assert.equal(unlogged.length, 1);
    await archive.drops.markLogged(unlogged.map(({ id }) => id));
    await retainerAt(1.02, { waitsForLog: true }).turn();
    assert.deepEqual(await keptDays([host]), [daysOf([0])]);
    await assertSettled();
  });

  it("puts what goes aside before, as a tar that standard tools read and check", async () => {
    const directory = mkdtempSync(join(tmpdir(), "hosttrail-aside-"));
    try {
      const [host = "", other = ""] = await fill(["aside", "aside-held"], [0, 32]);
      const hold = holdOf({ hostIds: [other] });
      await archive.retention.insertHold(hold);
      const [catalog] = await archive.history.catalogs(placeOf(32), [host]);
      const entries = catalog?.entries ?? [];
      const stored = await Promise.all(entries.map(({ id }) => archive.history.payload(placeOf(32), id)));
      const noted = generateKeyPairSync("ed25519").publicKey.export({ format: "der", type: "spki" });
      await archive.certificates.noteCertificate({ hostId: host, chain: [noted] });
      const aside = new FileAside(directory, asideSource(archive));
      const failing = { put: () => Promise.reject(new Error("the disk is full")) };
      await assert.rejects(dropAll({ aside: failing }), /the disk is full/);
      assert.deepEqual(await keptDays([host]), [daysOf([0, 32])], "nothing goes that cannot be put aside");
      await retainerAt(1.02, { aside }).turn();
      assert.deepEqual(await keptDays([host, other]), [daysOf([0]), daysOf([0, 32])]);
      const files = readdirSync(join(directory, placeOf(32)));
      assert.deepEqual(files, [`${host}-${files[0]?.split("-")[1] ?? ""}`]);
      execFileSync("tar", ["-xf", join(directory, placeOf(32), files[0] ?? "")], { cwd: directory });
      execFileSync("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], { cwd: directory });
      const manifest = JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8")) as {
        segments: { id: string; sha256: string; events: number; ranges: [string, string][] }[];
      };
      for (const [at, { id, sha256, events, ranges }] of manifest.segments.entries()) {
        const bytes = readFileSync(join(directory, "segments", id));
        assert.ok(bytes.equals(stored[at] ?? assert.fail()), `${id} byte for byte`);
        assert.equal(createHash("sha256").update(bytes).digest("hex"), sha256);
        assert.deepEqual([events, ranges.length], [10, 1]);
        assert.equal(new SegmentReader(bytes, nodePrimitives).count, 2, "its blocks are read from it");
      }
      assert.match(readFileSync(join(directory, "certificates.pem"), "utf8"), /^-----BEGIN CERTIFICATE-----\nMCow/);
      await archive.retention.releaseHold(hold.id, "certificate:test", "over", Date.now());
      await dropAll();
      await assertSettled();
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("comes to the same end by two processes at once", async () => {
    const hosts = await fill(["two-a", "two-b", "two-c"], [0, 32, 33, 34, 35, 36]);
    await retainerAt(0).turn();
    const both = [retainerAt(1.01), retainerAt(1.01)];
    for (let turn = 0; turn < 3; turn++) await Promise.all(both.map((retainer) => retainer.turn()));
    assert.deepEqual(
      await keptDays(hosts),
      hosts.map(() => daysOf([0])),
    );
    for (const host of hosts) {
      const done = (await dropsOf(host)).filter(({ state }) => state === "done");
      assert.deepEqual(done.map(({ place }) => place).toSorted(), [32, 33, 34, 35, 36].map(placeOf).toSorted());
    }
    await assertSettled();
  });
});

describe("a question", () => {
  it("is told what retention dropped of its days and hosts, and of nothing else", async () => {
    const [host = "", other = ""] = await fill(["asked", "unasked"], [0, 32]);
    await enroll(other, { keep: "long" });
    await setPolicy("long", 300, { keep: "long" });
    await dropAll();
    const times = (from: number, to: number) => ({
      startTime: { seconds: BigInt((NOON_MS - from * DAY_MS) / 1000 - 43_200), nanos: 0 },
      endTime: { seconds: BigInt((NOON_MS - to * DAY_MS) / 1000), nanos: 0 },
    });
    const gone = await search(client, { hostId: host, ...times(40, 2) });
    assert.equal(gone.events.length, 0);
    assert.equal(gone.completeness?.complete, false);
    assert.deepEqual(gone.completeness?.reasons, ["dropped"]);
    assert.deepEqual(
      gone.completeness?.dropped.map(({ day, hosts, events }) => ({ day, hosts, events })),
      [{ day: placeOf(32), hosts: 1n, events: 10n }],
    );
    const id = eventId(host, (await dropsOf(host))[0]?.epoch ?? 0n, 3n);
    await assert.rejects(getEvent(id), /NOT_FOUND: event .* was dropped by retention at .*, by the policy "events"/);
    await assert.rejects(getEvent(eventId(host, 12_345n, 3n)), /NOT_FOUND: no event/);
    const kept = await search(client, { hostId: other, ...times(40, 2) });
    assert.deepEqual([kept.events.length, kept.completeness?.complete], [10, true]);
    const newer = await search(client, { hostId: host, ...times(20, 0) });
    assert.equal(newer.completeness?.complete, true);
    await archive.retention.deletePolicy("long");
    await dropAll();
    await assertSettled();
  });

  it("that is asked while a day is dropped has all of it, or says what is dropped", async () => {
    const hosts = await fill(["during-a", "during-b"], [0, 32, 33, 34, 35]);
    await retainerAt(0).turn();
    const later = retainerAt(1.01);
    await later.turn();
    const dropping = later.turn();
    const state = { isOver: false };
    void dropping.then(() => (state.isOver = true));
    let asked = 0;
    do {
      const { events, completeness } = await search(client, { hostId: hosts[0] ?? "", pageSize: 1000 });
      const days = new Set(events.map(({ event }) => Number((event?.timeUnixNano ?? 0n) / 86_400_000_000_000n)));
      const missing = 5 - days.size;
      assert.equal(completeness?.unreadable.length, 0);
      if (missing > 0) assert.ok((completeness?.dropped.length ?? 0) >= missing, `${missing} days are told`);
      asked++;
    } while (!state.isOver || asked < 3);
    await dropping;
    await assertSettled();
  });
});

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

function hosttrail(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const command = [CLI, "--profile", stack.profileFile, "--wide", ...args];
    execFile(process.execPath, command, { env: { ...process.env, TZ: "UTC" } }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, stdout, stderr }),
    );
  });
}

/** What a command that goes well prints. */
async function printed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await hosttrail(...args);
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  if (process.env["HOSTTRAIL_RETENTION_SHOW"] !== undefined)
    process.stderr.write(`$ hosttrail ${args.join(" ")}\n${stdout}\n`);
  return stdout;
}

/** What one that does not says. */
async function refused(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await hosttrail(...args);
  assert.notEqual(code, 0, stdout);
  if (process.env["HOSTTRAIL_RETENTION_SHOW"] !== undefined)
    process.stderr.write(`$ hosttrail ${args.join(" ")}\n${stderr}\n`);
  return stderr;
}

describe("an administrator", () => {
  it("sees what is kept by what, and changes it, with a figure where much would go", async () => {
    const [web = ""] = await fill(["web1", "db1"], [0, 1, 2, 8, 25, 33]);
    await enroll(web, { env: "shop" });
    assert.match(await printed("retention", "list"), /^events +events +all others +30 +default/m);
    await printed("retention", "set", "shop", "--label", "env=shop", "--keep", "60d");
    const plan = await printed("retention", "plan", "--all");
    assert.match(plan, new RegExp(`${isoDay(33)} +web1 +10 +2 +\\d+ +shop +\\S+$`, "m"));
    assert.match(plan, new RegExp(`${isoDay(33)} +db1 +10 +2 +\\d+ +events +\\S+ +\\S+$`, "m"));
    const short = await refused("retention", "set", "events", "--keep", "5d");
    const percent = /give (\d+) as confirm_percent/.exec(short)?.[1] ?? assert.fail(short);
    assert.match(short, /makes \d+ % of what is stored due: \d+ events, \d+ bytes. It is dropped after 24 h/);
    const other = String(Number(percent) - 2);
    assert.match(await refused("retention", "set", "events", "--keep", "5d", "--confirm", other), /confirm_percent/);
    assert.match(await printed("retention", "set", "events", "--keep", "5d", "--confirm", percent), /events +events/);
    assert.match(await printed("retention", "plan"), new RegExp(`${isoDay(8)} +db1 +10`));
    await printed("retention", "remove", "events");
    assert.match(await refused("retention", "remove", "events"), /nobody set the policy "events"/);
    assert.match(await refused("retention", "remove", "nothing"), /there is no policy "nothing"/);
    await printed("retention", "remove", "shop");
  });

  it("is told what cannot be a policy", async () => {
    for (const [words, said] of [
      [["events", "--keep", "0d"], /keep_days is 0; allowed are 1 to 36500/],
      [["events", "--keep", "36h"], /--keep is "36h"; it must be whole days/],
      [["events", "--keep", "9d", "--label", "a=b"], /labels is "a"; allowed are none, since the policy is for all/],
      [["all", "--keep", "9d"], /name is "all"; allowed are "events" for what is for all/],
      [["calls", "--for", "api-audit", "--keep", "9d", "--label", "a=b"], /name is "calls"; allowed are "api-audit"/],
      [["alerts", "--for", "events", "--keep", "9d"], /kind is "events"; allowed are alerts/],
      [["x", "--label", "a=b", "--severity", "high", "--keep", "9d"], /severity_min is 4; allowed are 0/],
      [["UPPER", "--label", "a=b", "--keep", "9d"], /name is "UPPER"/],
      [["api-audit", "--keep", "9d"], /shortens the time of what is no event by 98 %/],
    ] as const)
      assert.match(await refused("retention", "set", ...words), said);
  });

  it("holds hosts and releases them, once, with a reason", async () => {
    await fill(["held-by-cli"], [0, 31, 32]);
    const reason = "case 7";
    const create = ["hold", "create", "--host", "held-by-cli", "--from", isoDay(32), "--to", isoDay(32)];
    const created = await printed(...create, "--reason", reason);
    const id = /^(\S+) +\d{4}-/m.exec(created)?.[1] ?? assert.fail(created);
    const plan = await printed("retention", "plan");
    assert.match(plan, new RegExp(`${isoDay(32)} +held-by-cli +10 +2 +\\d+ +events +\\S+ +${id}`));
    await dropAll();
    assert.match(
      await printed("retention", "drops", "--host", "held-by-cli"),
      new RegExp(`^${isoDay(31)} .* dropped *$`, "m"),
    );
    assert.match(await printed("hold", "list"), new RegExp(`${id}.*case 7 +certificate:dev`));
    await printed("hold", "release", id, "--reason", "closed");
    assert.match(await refused("hold", "release", id, "--reason", "again"), /was released by certificate:dev/);
    assert.doesNotMatch(await printed("hold", "list"), new RegExp(id));
    assert.match(await printed("hold", "list", "--released"), new RegExp(`${id}.*certificate:dev .*closed`));
    assert.match(await refused("hold", "create", "--reason", "x"), /hosts, or labels of hosts/);
    assert.match(await refused("hold", "create", "--label", "a=b", "--reason", ""), /reason is ""/);
    assert.match(
      await refused("hold", "create", "--label", "a=b", "--from", "2026-02-30", "--reason", "x"),
      /first_day is "20260230"/,
    );
    assert.match(await printed("audit", "--limit", "50"), /ReleaseHold +OK .*closed/);
    await dropAll();
    await assertSettled();
  });

  it("of some hosts has no say in it, nor a look", async () => {
    const scoped = credentialsOf(stack, await stack.ca.user("scoped"));
    const retention = new RetentionServiceClient(`localhost:${stack.queryPort}`, scoped);
    const denied = (error: unknown): void => assert.match(String(error), /PERMISSION_DENIED.*may only see some hosts/);
    const calls: ((done: (error: unknown) => void) => unknown)[] = [
      (done) => retention.listRetentionPolicies({}, done),
      (done) => retention.putRetentionPolicy({ policy: undefined, confirmPercent: 0 }, done),
      (done) => retention.deleteRetentionPolicy({ name: "events", confirmPercent: 0 }, done),
      (done) => retention.listHolds({ pageSize: 0, pageToken: "", showReleased: true }, done),
      (done) => retention.createHold({ hostIds: [], labels: {}, firstDay: "", lastDay: "", reason: "x" }, done),
      (done) => retention.releaseHold({ id: "x", reason: "x" }, done),
      (done) => retention.listDrops({ pageSize: 0, pageToken: "", hostId: "" }, done),
      (done) =>
        retention
          .planRetention({ all: true })
          .on("error", done)
          .on("data", () => undefined),
    ];
    for (const start of calls) await new Promise<void>((resolve) => start((error) => (denied(error), resolve())));
    retention.close();
  });
});

describe("what is beside events", () => {
  it("is kept by policies of its own, and alerts by their severity and by holds", async () => {
    const [host = "", held = ""] = await fill(["alerted", "alert-held"], [0]);
    const dayMs = (days: number): number => NOON_MS - days * DAY_MS;
    const alertOf = (hostId: string, days: number, severity: Severity) => ({
      alert: Alert.fromPartial({
        id: `${dayMs(days).toString(16).padStart(12, "0")}-${hostId.slice(0, 12)}${severity}`,
        rule: { key: "mine/rule", ruleset: "mine", severity },
        hosts: [{ id: hostId }],
        events: [executed(["true"], BigInt(dayMs(days)) * 1_000_000n)],
      }),
      sequence: 1n,
      isTold: true,
    });
    const [low, high] = [Severity.LOW, Severity.HIGH];
    const alerts = [
      alertOf(host, 500, low),
      alertOf(host, 500, high),
      alertOf(host, 300, low),
      alertOf(held, 500, low),
    ];
    const [old = "", severe = "", young = "", kept = ""] = alerts.map(({ alert }) => alert.id);
    await archive.alerts.putAlerts(alerts);
    const comment = { timeMs: 1, actor: "certificate:test", action: "commented", text: "x" } as const;
    await archive.alertWork.changeWork(old, () => comment);
    const policy = { labels: {}, author: "certificate:test", updateMs: 1, severityMin: high };
    await archive.retention.putPolicy({ ...policy, name: "bad", kind: "alerts", keepDays: 1000 });
    const hold = holdOf({ hostIds: [held] });
    await archive.retention.insertHold(hold);
    const call = { caller: "c", peerAddress: "", method: "m", request: "", results: 0, status: "OK" };
    const calls = [402, 397].map((days) => ({
      ...call,
      id: `${dayMs(days).toString(16).padStart(12, "0")}-0`,
      timeMs: 1,
    }));
    for (const each of calls) await archive.apiAudit.appendAudit(each);
    const there = async (): Promise<string[]> => [
      ...(await archive.alerts.getAlerts([old, severe, young, kept])).keys(),
    ];
    await retainerAt(0).turn();
    await retainerAt(0.9).turn();
    assert.equal((await there()).length, 4, "policies are as new as the holds");
    await retainerAt(1.01).turn();
    assert.deepEqual((await there()).toSorted(), [severe, young, kept].toSorted());
    assert.equal((await archive.alertWork.getWork(old)).version, 0, "the work on it is gone, too");
    const audited = await archive.apiAudit.listAudit(dayMs(396).toString(16).padStart(12, "0"), 10);
    assert.deepEqual(
      audited.map(({ id }) => id),
      [calls[1]?.id],
    );
    await archive.retention.releaseHold(hold.id, "certificate:test", "over", Date.now());
    await retainerAt(1.02).turn();
    assert.equal((await there()).length, 3, "a hold that ended is a change");
    await retainerAt(2.03).turn();
    assert.deepEqual((await there()).toSorted(), [severe, young].toSorted());
    await archive.retention.deletePolicy("bad");
    for (const days of [2.1, 0]) await retainerAt(days).turn();
    await assertSettled();
  });
});

describe("the process that drops", () => {
  it(`comes to the same end, killed ${KILLS} times`, async () => {
    const names = Array.from({ length: 4 }, (_, at) => `killed-${at}`);
    const old = Array.from({ length: 40 }, (_, at) => 40 + at);
    const hosts = await fill(names, [0, 10, ...old]);
    const kept = hosts[0] ?? "";
    await enroll(kept, { kill: "kept" });
    await setPolicy("kept", 60, { kill: "kept" });
    const payloads: { place: string; id: string }[] = [];
    for (const days of old)
      for (const { hostId, entries } of await archive.history.catalogs(placeOf(days), hosts))
        if (hostId !== kept || days > 60) payloads.push(...entries.map(({ id }) => ({ place: placeOf(days), id })));
    let inTheMiddle = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const child = start();
      await once(child.stdout as NodeJS.ReadableStream, "data");
      await sleep(Math.random() * 400);
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      if ((await archive.retention.listFences()).length > 0) inTheMiddle++;
    }
    assert.ok(inTheMiddle >= KILLS / 3, `${inTheMiddle} of ${KILLS} were killed while they dropped`);
    const last = start();
    assert.deepEqual(await once(last, "exit"), [0, null]);
    await assertSettled();
    const left = old.filter((days) => days <= 60);
    assert.deepEqual(await keptDays(hosts), [daysOf([0, 10, ...left]), ...names.slice(1).map(() => daysOf([0, 10]))]);
    for (const { place, id } of payloads) assert.equal(await archive.history.payload(place, id), undefined, id);
    for (const host of hosts) {
      const drops = await dropsOf(host);
      const gone = old.filter((days) => host !== kept || days > 60);
      assert.ok(drops.every(({ state }) => state === "done"));
      assert.deepEqual(drops.map(({ place }) => place).toSorted(), gone.map(placeOf).toSorted(), "each day once");
      assert.ok(drops.every(({ events, ranges }) => events === 10 && ranges.length === 1));
    }
    const days = await archive.drops.droppedDays(placeOf(79), placeOf(40), new Set(hosts));
    assert.equal(days.length, 40);
  });
});

describe("what is of no day", () => {
  it("goes by when it came, piece by piece, and any hold of its host holds it", async () => {
    const far = { clockGapMs: 100 * DAY_MS };
    const longAgo = 9000;
    const [host = ""] = await fill(["outside", "outside-too"], [longAgo]);
    await retainerAt(0, far).turn();
    await fillMore("outside", longAgo - 1);
    await retainerAt(20, far).turn();
    const events = async (): Promise<number | undefined> =>
      (await archive.history.catalogs("outside", [host]))[0]?.entries.reduce((sum, entry) => sum + entry.events, 0);
    for (const days of [29, 29]) await retainerAt(days, far).turn();
    assert.equal(await events(), 20);
    const hold = holdOf({ hostIds: [host], firstDay: placeOf(3), lastDay: placeOf(2) });
    await archive.retention.insertHold(hold);
    for (const days of [31, 32.1, 32.1]) await retainerAt(days, far).turn();
    assert.equal(await events(), 20);
    await archive.retention.releaseHold(hold.id, "certificate:test", "over", Date.now());
    for (const days of [32.2, 33.3, 33.3]) await retainerAt(days, far).turn();
    assert.equal(await events(), 10, "what came later stays");
    for (const days of [51, 52.1, 52.1]) await retainerAt(days, far).turn();
    assert.equal(await events(), undefined);
    const dropped = (await dropsOf(host)).filter(({ place }) => place === "outside");
    const told = dropped.map(({ events: count, state }) => [count, state]);
    assert.deepEqual(told, [
      [10, "done"],
      [10, "done"],
    ]);
    // Marks and fences of days to come.
    for (const days of [52.1, 0]) await retainerAt(days, far).turn();
    await assertSettled();
  });
});

function start(): ChildProcess {
  return spawn(process.execPath, [RETAINER, stack.mongodb.url, stack.database], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}
