/**
 * History on a real database: the same answers before, while and after it is compacted, whoever is killed meanwhile, and every block as
 * it was sealed. HOSTTRAIL_HISTORY is over how many events answers are compared.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { compactArchive, historySource } from "@hosttrail/collector/archives";
import { type CompactArchive, Compactor } from "@hosttrail/collector/compact";
import { History } from "@hosttrail/collector/history";
import { BlockStream } from "@hosttrail/collector/jetstream";
import { Archive } from "@hosttrail/collector/mongodb";
import { columnsOf, eventId, parseBlock, sealBlock, SegmentReader } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { openLogger } from "@hosttrail/lib/log";
import { Event } from "@hosttrail/proto/event";
import {
  GetEventRequest,
  type QueryServiceClient,
  type SearchEventsRequest,
  TailEventsRequest,
  type TailEventsResponse,
} from "@hosttrail/proto/query";
import { readTrail } from "../bench/trails/trail.ts";
import { bundle } from "../tools/package/bundle.ts";
import { PRODUCTS } from "../tools/package/product.ts";
import { eventually, openStack, queryClient, search, searchAll } from "./environment.ts";

const DAY_MS = 86_400_000;
const HOSTS = ["a", "b", "c"].map((digit) => digit.repeat(32));
/** So many that each host's first day has more than a segment holds. */
const EVENTS = Number(process.env["HOSTTRAIL_HISTORY"] ?? 60_000);
/** From the first event to the last: six sevenths of that are on the first day. */
const SPAN_SECONDS = 4200;
/** Of a host's blocks, by turns. */
const BLOCK_EVENTS: readonly number[] = [1, 5, 50, 120];
const ROUND_EVENTS = (BLOCK_EVENTS.reduce((sum, events) => sum + events) / BLOCK_EVENTS.length) * HOSTS.length;
const ROUND_NANO = BigInt(Math.round((SPAN_SECONDS * ROUND_EVENTS * 1e9) / EVENTS));
const KILLS = 20;
const KILL_MS_MAX = 3000;
const COMPACTOR = new URL("compactor.ts", import.meta.url).pathname;
/** What is sealed stays as it is, whatever the trail was that it was recorded from. */
const sign = signerOf(generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString());
const logger = openLogger("test", "error");
const trail = readTrail("build");

/** What is closed in the end, whatever happened. */
const archives: Archive[] = [];
const compactors: Compactor[] = [];
let stack: Awaited<ReturnType<typeof openStack>>;
let stream: BlockStream;
let client: QueryServiceClient;

before(async () => {
  // The collector's own step is asleep: the tests have compactors of their own.
  const compact = { turn_ms: 600_000, age_ms: 3_600_000, blocks_min: 16_384 };
  // What is damaged in the database is to be found there, and not in the memory of before.
  const query = { cache_bytes: 0 };
  stack = await openStack({ collector: { compact, query } });
  await stack.startServices();
  await stack.startCollector();
  client = queryClient(stack);
  stream = await BlockStream.open(
    {
      servers: [stack.nats.url],
      credentials: "",
      publishTimeoutMs: 5000,
      replicas: 1,
      streamBytesMax: 4096 * 1024 * 1024,
      ackWaitMs: 30_000,
    },
    logger,
  );
});
after(async () => {
  for (const compactor of compactors) await compactor.close();
  for (const archive of archives) await archive.close();
  client.close();
  await stream.close();
  await stack[Symbol.asyncDispose]();
});

/** A host whose blocks follow each other. */
class Sealer {
  readonly hostId: string;
  readonly epoch: bigint;
  /** Bytes of all blocks, by id. */
  readonly sealed = new Map<string, Uint8Array>();
  readonly #host: Event["host"];
  #seq = 0n;
  #previous: Uint8Array = new Uint8Array(0);

  constructor(hostId: string, epoch: bigint) {
    this.hostId = hostId;
    this.epoch = epoch;
    this.#host = Event.fromPartial({ host: { ...trail[0]?.host, id: hostId } }).host;
  }

  /** Seals the next events and publishes them; `timeNano` is that of the first. */
  async publish(count: number, timeNano: bigint): Promise<void> {
    const firstSeq = this.#seq;
    const events = Array.from({ length: count }, (_, at) => {
      const event = trail[Number(firstSeq + BigInt(at)) % trail.length] as Event;
      const timeUnixNano = timeNano + BigInt(at) * 1_000_000n;
      return {
        ...event,
        event: { ...Event.fromPartial({ event: {} }).event!, ...event.event, timeUnixNano },
        host: this.#host,
      };
    });
    const about = { hostId: this.hostId, epoch: this.epoch, firstSeq, bootId: "", agentVersion: "0", flags: 0 };
    const { bytes, headerSha256 } = sealBlock(
      events,
      { ...about, previousHeaderSha256: this.#previous },
      nodePrimitives,
      sign,
    );
    const id = eventId(this.hostId, this.epoch, firstSeq);
    this.sealed.set(id, bytes);
    this.#seq += BigInt(count);
    this.#previous = headerSha256;
    const hash = Buffer.from(headerSha256).toString("hex");
    await stream.publish({ id, hostId: this.hostId, hostName: "h", signer: "s", headerSha256: hash, bytes });
  }

  get events(): number {
    return Number(this.#seq);
  }
}

/** Waits until the store role has taken all that was published. */
async function stored(archive: Archive, sealers: readonly Sealer[]): Promise<void> {
  await eventually("all blocks being stored", 120_000, async () => {
    const hosts = await archive.hosts.getHosts(sealers.map(({ hostId }) => hostId));
    const done = sealers.every(({ hostId, epoch, events }) => {
      const ranges = hosts.get(hostId)?.host.trail.find((each) => each.epoch === epoch)?.ranges ?? [];
      return ranges.length === 1 && ranges[0]?.next === BigInt(events);
    });
    return done || undefined;
  });
}

function openArchive(): Archive {
  const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  archives.push(archive);
  return archive;
}

async function waiting(archive: Archive): Promise<number> {
  return (await archive.arrivals.waiting("", { blocksMax: 100_000, bytesMax: 1 << 30 })).arrivals.length;
}

function compactorOf(archive: Archive): Compactor {
  const options = { turnMs: 50, ageMs: 0, blocksMin: 1 };
  const history = new History(historySource(archive));
  const compactor = new Compactor(compactArchive(archive), history, archive.hosts, options, logger);
  compactors.push(compactor);
  return compactor;
}

/** Every block of history and of the arrivals: how often its id is there, and that its bytes are those that were sealed. */
async function checkBlocks(
  archive: Archive,
  sealers: readonly Sealer[],
): Promise<{ segments: number; blocks: number }> {
  const found = new Map<string, number>();
  let segments = 0;
  const hashes = new Map(
    sealers.flatMap(({ sealed }) =>
      Array.from(sealed, ([id, bytes]) => {
        const parsed = parseBlock(bytes);
        return [id, { block: parsed.block, columns: columnsOf(parsed, nodePrimitives) }];
      }),
    ),
  );
  for (const place of await archive.history.days()) {
    for (const { hostId, entries } of await archive.history.catalogs(place, undefined)) {
      if (!sealers.some((sealer) => sealer.hostId === hostId)) continue;
      for (const entry of entries) {
        const bytes = await archive.history.payload(place, entry.id);
        assert.ok(bytes !== undefined && entry.block === undefined, `${entry.id} is a segment, and there`);
        const reader = new SegmentReader(bytes, nodePrimitives);
        segments++;
        for (let at = 0; at < reader.count; at++) {
          const { firstSeq } = reader.block(at);
          const again = reader.rebuild(at);
          const id = eventId(hostId, entry.epoch, firstSeq);
          const original = hashes.get(id);
          if (original === undefined) continue;
          found.set(id, (found.get(id) ?? 0) + 1);
          assert.ok(Buffer.from(again.headerBytes).equals(original.block.header), `${id}: the header`);
          assert.ok(Buffer.from(again.signature).equals(original.block.signature), `${id}: the signature`);
          assert.ok(Buffer.from(again.columns).equals(original.columns), `${id}: the columns`);
        }
      }
    }
  }
  const { arrivals } = await archive.arrivals.waiting("", { blocksMax: 100_000, bytesMax: 1 << 30 });
  for (const { id } of arrivals) if (hashes.has(id) && !found.has(id)) found.set(id, 1);
  for (const id of hashes.keys()) assert.equal(found.get(id), 1, `${id} is there once`);
  return { segments, blocks: found.size };
}

function getEvent(id: string): Promise<Event> {
  return new Promise((resolve, reject) => {
    client.getEvent(GetEventRequest.fromPartial({ id }), (error, event) =>
      error === null ? resolve(event) : reject(error),
    );
  });
}

let watched = 0n;

/** Whoever watches sees what is found by a search for it afterwards. */
async function tailed(archive: Archive, when: string): Promise<void> {
  const sealer = new Sealer("9".repeat(32), ++watched);
  const seen: string[] = [];
  const tail = client.tailEvents(
    TailEventsRequest.fromPartial({ filter: "event.action = executed", hostId: sealer.hostId }),
  );
  tail.on("data", ({ events }: TailEventsResponse) => seen.push(...events.map(({ id }) => id)));
  tail.on("error", () => undefined);
  await once(tail, "metadata");
  const startNano = BigInt(Date.now()) * 1_000_000n;
  for (let at = 0; at < 20; at++) {
    await sealer.publish(5, startNano + BigInt(at) * 10_000_000n);
    await sleep(20);
  }
  await stored(archive, [sealer]);
  const question = { filter: "event.action = executed", hostId: sealer.hostId, pageSize: 1000 };
  const epoch = `${sealer.hostId}-${sealer.epoch.toString(16).padStart(16, "0")}`;
  const found = (await searchAll(client, question)).map(({ id }) => id).filter((id) => id.startsWith(epoch));
  tail.cancel();
  assert.ok(found.length > 0);
  assert.deepEqual(seen.sort(), found.sort(), `watched ${when}`);
}

function digest(events: readonly Event[]): string {
  const hash = createHash("sha256");
  for (const event of events) hash.update(Event.encode(event).finish());
  return `${events.length} events ${hash.digest("hex").slice(0, 16)}`;
}

describe("answers before, while and after history is compacted", { timeout: 1_200_000 }, () => {
  it(`are the same over ${EVENTS.toLocaleString("en")} events: search, get and tail`, async () => {
    const archive = openArchive();
    const sealers = HOSTS.map((hostId, at) => new Sealer(hostId, BigInt(at + 1)));
    // Two days, so that each host has catalogs of both; a few blocks of the second come before those of the first.
    const startNano = BigInt(Date.now() - (Date.now() % DAY_MS) - 3_600_000) * 1_000_000n;
    for (let total = 0, round = 0; total < EVENTS; round++) {
      for (const [at, sealer] of sealers.entries()) {
        const count = BLOCK_EVENTS[(round + at) % BLOCK_EVENTS.length] ?? 1;
        await sealer.publish(count, startNano + BigInt(round) * ROUND_NANO);
        total += count;
      }
    }
    await stored(archive, sealers);

    const seconds = startNano / 1_000_000_000n;
    const questions: Partial<SearchEventsRequest>[] = [
      { filter: "event.action = executed", hostId: HOSTS[0] ?? "" },
      { filter: "process.command_line : conf", hostId: HOSTS[1] ?? "" },
      {
        filter: "",
        hostId: HOSTS[2] ?? "",
        startTime: { seconds: seconds + 1800n, nanos: 0 },
        endTime: { seconds: seconds + 5400n, nanos: 0 },
      },
      { filter: "file.path : /etc/ AND event.outcome = failure" },
      { filter: "event.action = never-happened" },
    ].map((question) => ({
      ...question,
      pageSize: 1000,
      endTime: question.endTime ?? { seconds: seconds + 86_400n, nanos: 0 },
    }));
    const ids = sealers.flatMap(({ hostId, epoch, events }) =>
      Array.from({ length: 20 }, (_, at) => eventId(hostId, epoch, BigInt(Math.floor((events * at) / 20)))),
    );
    const ask = async (): Promise<string[]> => {
      const answers = [];
      for (const question of questions) answers.push(digest(await searchAll(client, question)));
      answers.push(digest(await Promise.all(ids.map(getEvent))));
      return answers;
    };
    const expected = await ask();
    assert.ok(expected.some((answer) => !answer.startsWith("0 ")));
    await tailed(archive, "before");

    const stopping = new AbortController();
    const compacting = compactorOf(archive).run(stopping.signal);
    let rounds = 0;
    try {
      await tailed(archive, "while compacting");
      while ((await waiting(archive)) > 0 || rounds < 2) {
        assert.deepEqual(await ask(), expected, `while compacting, round ${rounds}`);
        rounds++;
      }
    } finally {
      stopping.abort();
      await compacting;
    }
    assert.deepEqual(await ask(), expected, "after compacting");
    await tailed(archive, "after compacting");

    // All of it, page by page: each event once.
    const all = await searchAll(client, {
      filter: "",
      pageSize: 1000,
      endTime: { seconds: seconds + 86_400n, nanos: 0 },
    });
    const own = all.filter(({ host, id }) => host !== undefined && HOSTS.includes(id.slice(0, 32)));
    const total = sealers.reduce((sum, { events }) => sum + events, 0);
    assert.equal(new Set(own.map(({ id }) => id)).size, total);
    assert.equal(own.length, total);
    const { segments, blocks } = await checkBlocks(archive, sealers);
    process.stdout.write(
      `${total} events in ${blocks} blocks: asked ${rounds} times while ${segments} segments were made of them\n`,
    );
  });
});

describe("a compactor that is killed", { timeout: 600_000 }, () => {
  it(`${KILLS} times under load leaves every event there once, and each block as it was sealed`, async () => {
    const archive = openArchive();
    const sealer = new Sealer("d".repeat(32), 9n);
    const startNano = BigInt(Date.now()) * 1_000_000n;
    const loading = new AbortController();
    const load = (async () => {
      for (let round = 0; !loading.signal.aborted; round++) {
        await sealer.publish(1 + (round % 9), startNano + BigInt(round) * 10_000_000n);
        await sleep(15);
      }
    })();
    let random = 7;
    // How long the first one takes until it has changed something: the others are killed at any moment up to twice that.
    let changedMs = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const child: ChildProcess = spawn(process.execPath, [COMPACTOR, stack.mongodb.url, stack.database], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(child.stdout as NodeJS.ReadableStream, "data");
      random = (random * 1_103_515_245 + 12_345) % 2_147_483_648;
      if (kill === 0) {
        const start = performance.now();
        await eventually("the first change", 60_000, async () => {
          for (const place of await archive.history.days())
            if ((await archive.history.catalogs(place, [sealer.hostId])).length > 0) return true;
          return undefined;
        });
        changedMs = performance.now() - start;
      } else await sleep(random % Math.ceil(Math.min(2 * changedMs, KILL_MS_MAX)));
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    loading.abort();
    await load;
    await stored(archive, [sealer]);
    const before = await waiting(archive);
    const middle = await checkBlocks(archive, [sealer]);
    const events = await searchAll(client, { filter: "", hostId: sealer.hostId, pageSize: 1000 });
    const numbers = new Set(events.map(({ id }) => id));
    assert.equal(numbers.size, sealer.events);
    assert.equal(events.length, sealer.events, "none twice");
    // And whoever comes after it finishes what it began.
    const compactor = compactorOf(archive);
    await eventually("all of it being compacted", 60_000, async () => {
      await compactor.compactWaiting();
      return (await waiting(archive)) === 0 || undefined;
    });
    const { segments, blocks } = await checkBlocks(archive, [sealer]);
    assert.equal(blocks, sealer.sealed.size);
    assert.ok(middle.segments > 0, "something was compacted between the kills");
    process.stdout.write(
      `${sealer.events} events in ${blocks} blocks, ${before} of them waiting after ${KILLS} kills; ${segments} segments in the end\n`,
    );
  });

  it("leaves payloads that nobody lists, and these are removed when they are old", async () => {
    const archive = openArchive();
    const { history } = archive;
    const place = "20200101";
    const hostId = "e".repeat(32);
    const bytes = Uint8Array.of(1, 2, 3);
    const note = (id: string, timeMs: number) => history.addLeftover({ id, payloadIds: [id], place, hostId, timeMs });
    // Whatever the clock of who noted it says: what counts is for how long whoever sweeps has seen it.
    await note("old", Date.now());
    await history.addPayloads(place, [
      { id: "old", bytes, sieve: bytes },
      { id: "young", bytes, sieve: bytes },
    ]);
    const compactor = compactorOf(archive);
    assert.equal(await compactor.sweep(0), 0);
    await note("young", Date.now() - 86_400_000);
    assert.ok((await compactor.sweep(3_600_000)) >= 1);
    assert.equal(await history.payload(place, "old"), undefined);
    assert.equal(await history.sieve(place, "old"), undefined);
    assert.deepEqual(Uint8Array.from((await history.payload(place, "young")) ?? []), bytes);
    assert.ok((await history.leftovers()).some(({ id }) => id === "young"));
  });
});

describe("several compactors", { timeout: 300_000 }, () => {
  it("of the same blocks in the same moment make one history of them", async () => {
    const archive = openArchive();
    const sealer = new Sealer("f".repeat(32), 4n);
    const startNano = BigInt(Date.now()) * 1_000_000n;
    for (let round = 0; round < 200; round++) await sealer.publish(5, startNano + BigInt(round) * 10_000_000n);
    await stored(archive, [sealer]);
    // Without taking turns, so that they meet.
    await Promise.all(Array.from({ length: 4 }, () => compactorOf(archive).compactWaiting()));
    assert.equal(await waiting(archive), 0);
    await checkBlocks(archive, [sealer]);
    const events = await searchAll(client, { filter: "", hostId: sealer.hostId, pageSize: 1000 });
    assert.equal(events.length, sealer.events);
  });
});

describe("a database that fails while it is compacted", { timeout: 300_000 }, () => {
  /** Where it fails, once each: before a step, or after it was done and nobody heard of it. */
  const faults: [string, (real: CompactArchive, fail: () => never) => Partial<CompactArchive>][] = [
    ["no leftover can be noted", (_real, fail) => ({ addLeftover: async () => fail() })],
    ["its disk is full before a segment", (_real, fail) => ({ addPayloads: async () => fail() })],
    [
      "its disk is full after a segment",
      (real, fail) => ({
        async addPayloads(place, payloads) {
          await real.addPayloads(place, payloads);
          fail();
        },
      }),
    ],
    ["a segment reads back as something else", () => ({ payload: async () => Uint8Array.of(1, 2, 3) })],
    [
      "nobody hears that the catalog is changed",
      (real, fail) => ({
        async replaceCatalog(catalog) {
          await real.replaceCatalog(catalog);
          return fail();
        },
      }),
    ],
    ["no arrival can be removed", (_real, fail) => ({ removeArrivals: async () => fail() })],
  ];
  for (const [index, [what, spoil]] of faults.entries()) {
    it(`loses nothing and shows nothing twice where ${what}`, async () => {
      const archive = openArchive();
      const sealer = new Sealer("6".repeat(32), BigInt(index + 1));
      const startNano = BigInt(Date.now()) * 1_000_000n;
      for (let at = 0; at < 30; at++) await sealer.publish(5, startNano + BigInt(at) * 10_000_000n);
      await stored(archive, [sealer]);
      const real = compactArchive(archive);
      const fail = (): never => {
        throw new Error(what);
      };
      const options = { turnMs: 50, ageMs: 0, blocksMin: 1 };
      const history = new History(historySource(archive));
      const silent = openLogger("test", "error");
      silent.level = "silent";
      const failing = new Compactor({ ...real, ...spoil(real, fail) }, history, archive.hosts, options, silent);
      compactors.push(failing);
      await failing.compactWaiting();
      const seconds = startNano / 1_000_000_000n;
      const question = { filter: "", hostId: sealer.hostId, pageSize: 1000, startTime: { seconds, nanos: 0 } };
      const ofEpoch = async (): Promise<string[]> => {
        const epoch = `${sealer.hostId}-${sealer.epoch.toString(16).padStart(16, "0")}`;
        return (await searchAll(client, question)).map(({ id }) => id).filter((id) => id.startsWith(epoch));
      };
      assert.equal(new Set(await ofEpoch()).size, sealer.events);
      assert.equal((await ofEpoch()).length, sealer.events);
      await compactorOf(archive).compactWaiting();
      assert.equal(await waiting(archive), 0);
      assert.equal((await ofEpoch()).length, sealer.events);
      await checkBlocks(archive, [sealer]);
    });
  }
});

describe("the packaged collector", { timeout: 300_000 }, () => {
  it("compacts as well: its thread begins with a file of the same bundle", async () => {
    const folder = mkdtempSync(join(tmpdir(), "hosttrail-bundle-"));
    try {
      const program = PRODUCTS.collector.programs.find(({ name }) => name === "hosttrail-collector");
      assert.ok(program !== undefined);
      await bundle(program, folder, "0.0.0");
      const archive = openArchive();
      const sealer = new Sealer("7".repeat(32), 4n);
      const startNano = BigInt(Date.now()) * 1_000_000n;
      for (let at = 0; at < 40; at++) await sealer.publish(5, startNano + BigInt(at) * 10_000_000n);
      await stored(archive, [sealer]);
      const compact = { turn_ms: 100, age_ms: 0, blocks_min: 1 };
      // A package has them beside the program.
      process.env["HOSTTRAIL_RULES"] = new URL("../rules", import.meta.url).pathname;
      const { process: child } = await stack.startAnotherCollector({ compact }, join(folder, program.output));
      await eventually("all of it being compacted", 60_000, async () => (await waiting(archive)) === 0 || undefined);
      await child.stop();
      await checkBlocks(archive, [sealer]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("damage to history", { timeout: 300_000 }, () => {
  it("is named, and the rest is answered", async () => {
    const archive = openArchive();
    const sealers = [new Sealer("1".repeat(32), 4n), new Sealer("2".repeat(32), 4n)];
    // One day, and not a day of other tests or one that ends meanwhile.
    const startMs = (Math.floor(Date.now() / DAY_MS) - 2) * DAY_MS + DAY_MS / 2;
    const startNano = BigInt(startMs) * 1_000_000n;
    for (const sealer of sealers)
      for (let at = 0; at < 10; at++) await sealer.publish(5, startNano + BigInt(at) * 10_000_000n);
    await stored(archive, sealers);
    const compactor = compactorOf(archive);
    await compactor.compactWaiting();
    const place = new Date(startMs).toISOString().slice(0, 10).replaceAll("-", "");
    const [hurt, well] = sealers;
    const [catalog] = await archive.history.catalogs(place, [hurt?.hostId ?? ""]);
    const [entry] = catalog?.entries ?? [];
    assert.ok(entry !== undefined && hurt !== undefined && well !== undefined);
    const bytes = Uint8Array.from((await archive.history.payload(place, entry.id)) ?? []);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    const sieve = (await archive.history.sieve(place, entry.id)) ?? new Uint8Array(0);
    await archive.history.removePayload(place, entry.id);
    await archive.history.addPayloads(place, [{ id: entry.id, bytes, sieve }]);

    const seconds = BigInt(startMs) / 1000n;
    const startTime = { seconds, nanos: 0 };
    const endTime = { seconds: seconds + 60n, nanos: 0 };
    const page = await search(client, { filter: "", startTime, endTime, pageSize: 1000 });
    const hosts = new Set(page.events.map(({ id }) => id.slice(0, 32)));
    assert.ok(hosts.has(well.hostId) && !hosts.has(hurt.hostId));
    const lost = page.unreadable.filter(({ hostId }) => hostId === hurt.hostId);
    assert.equal(lost.length, 1);
    assert.equal(lost[0]?.events, 50n);
    assert.match(lost[0]?.reason ?? "", new RegExp(`${entry.id}, bytes: not those that were stored`));
    await assert.rejects(getEvent(eventId(hurt.hostId, 4n, 3n)), /a stored block is damaged/);
    // New blocks of the host go beside it.
    for (let at = 0; at < 80; at++) await hurt.publish(5, startNano + BigInt(100 + at) * 10_000_000n);
    await stored(archive, [hurt]);
    await compactor.compactWaiting();
    const after = await search(client, { filter: "", hostId: hurt.hostId, pageSize: 1000, startTime });
    assert.equal(after.events.length, 400);
    assert.equal(after.unreadable.length, 1);
    // Who asks on the command line gets what there is, and is told what is not.
    assert.throws(
      () => stack.hosttrail("search", "", "--host", hurt.hostId, "--since", "3d", "--limit", "5000", "--no-fold"),
      (error: { status?: number; stdout?: string; stderr?: string }) => {
        assert.equal(error.status, 3);
        assert.ok((error.stdout ?? "").split("\n").length > 400);
        assert.match(error.stderr ?? "", /up to 50 events of host 1{32} from .* cannot be read: SEGMENT_MALFORMED/);
        return true;
      },
    );
  });
});
