/**
 * The store role against a real NATS and a real database, where one host's blocks cannot be stored and where the database goes away. The
 * faults are put in between, since a host can no longer make a document that the database refuses.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { historySource } from "@hosttrail/collector/archives";
import { History } from "@hosttrail/collector/history";
import { BlockStream } from "@hosttrail/collector/jetstream";
import { Archive } from "@hosttrail/collector/mongodb";
import { type BlockArchive, Storer } from "@hosttrail/collector/store";
import { eventId } from "@hosttrail/lib/block";
import { openLogger } from "@hosttrail/lib/log";
import { StoredNotice } from "@hosttrail/proto/ingest";
import { blockOf } from "./blocks.ts";
import { eventually, openStack } from "./environment.ts";

const GOOD = "a".repeat(32);
const BAD = "b".repeat(32);
const DELIVERIES_MAX = 5;
const logger = openLogger("test", "error");
let stack: Awaited<ReturnType<typeof openStack>>;
let stream: BlockStream;
let archive: Archive;
/** What is told of each host: numbers of stored blocks with the time, and rejected ones with the reason. */
const stored = new Map<string, Map<bigint, number>>();
const rejected = new Map<string, { firstSeq: bigint; reason: string; detail: string }[]>();
/** What the database says to blocks of the bad host. */
let fault: "none" | "too large" | "unknown" = "none";
let storing: Promise<void>;
const stopping = new AbortController();

/** The real one, which gets documents of the bad host that it must refuse. */
function faulty(real: Archive): BlockArchive {
  return {
    hashesOf: (blocks) => new History(historySource(real)).hashesOf(blocks),
    async insertBlocks(blocks) {
      if (fault === "unknown" && blocks.some(({ hostId }) => hostId === BAD)) throw new Error("nobody knows why");
      if (fault === "none") return await real.arrivals.insert(blocks);
      const spoilt = blocks.map((block) =>
        block.hostId === BAD ? { ...block, signer: "x".repeat(17 * 1024 * 1024) } : block,
      );
      return await real.arrivals.insert(spoilt);
    },
  };
}

before(async () => {
  stack = await openStack();
  await stack.startServices();
  // Only for the key that blocks are signed with.
  await stack.startCollector();
  await stack.enroll();
  await stack.collector.stop();
  const nats = {
    servers: [stack.nats.url],
    credentials: "",
    publishTimeoutMs: 5000,
    replicas: 1,
    streamBytesMax: 4096 * 1024 * 1024,
    ackWaitMs: 3000,
  };
  stream = await BlockStream.open(nats, logger);
  archive = Archive.open({ url: stack.mongodb.url, database: `${stack.database}_store` });
  for (const hostId of [GOOD, BAD]) {
    stored.set(hostId, new Map());
    rejected.set(hostId, []);
    stream.onStored(hostId, (bytes) => {
      const notice = StoredNotice.decode(bytes);
      for (const { firstSeq } of notice.blocks) stored.get(hostId)?.set(firstSeq, performance.now());
      for (const { block, reason, detail } of notice.rejected)
        rejected.get(hostId)?.push({ firstSeq: block?.firstSeq ?? 0n, reason, detail });
    });
  }
  const options = {
    batchMax: 64,
    lingerMs: 20,
    deliveriesMax: DELIVERIES_MAX,
    daysBackMax: 400,
    hoursAheadMax: 24,
  };
  storing = new Storer(stream, faulty(archive), archive.hosts, options, logger).run(stopping.signal);
});
after(async () => {
  stopping.abort();
  await storing;
  await stream.close();
  await archive.close();
  await stack[Symbol.asyncDispose]();
});

const nextSeq = new Map<string, bigint>();

/** Publishes a block of one event; gives its number and when. */
async function publish(hostId: string): Promise<{ firstSeq: bigint; sentMs: number }> {
  const firstSeq = nextSeq.get(hostId) ?? 0n;
  nextSeq.set(hostId, firstSeq + 1n);
  const { bytes, headerSha256 } = blockOf(stack.host.keyFile, { hostId, epoch: 1n, firstSeq }, [{ action: "tried" }]);
  const message = {
    id: eventId(hostId, 1n, firstSeq),
    hostId,
    hostName: "by hand",
    signer: "",
    headerSha256: Buffer.from(headerSha256).toString("hex"),
    bytes,
  };
  const sentMs = performance.now();
  await stream.publish(message);
  return { firstSeq, sentMs };
}

/** Time until each of these blocks of the good host was told as stored, ascending. */
async function latencies(sent: readonly { firstSeq: bigint; sentMs: number }[]): Promise<number[]> {
  const known = stored.get(GOOD);
  await eventually("all of the good host's being stored", 20_000, async () =>
    sent.every(({ firstSeq }) => known?.has(firstSeq)) ? true : undefined,
  );
  return sent.map(({ firstSeq, sentMs }) => (known?.get(firstSeq) ?? 0) - sentMs).toSorted((a, b) => a - b);
}

async function both(count: number): Promise<{ good: { firstSeq: bigint; sentMs: number }[]; bad: bigint[] }> {
  const good: { firstSeq: bigint; sentMs: number }[] = [];
  const bad: bigint[] = [];
  for (let time = 0; time < count; time++) {
    bad.push((await publish(BAD)).firstSeq);
    good.push(await publish(GOOD));
    await sleep(50);
  }
  return { good, bad };
}

describe("the store role", { timeout: 120_000 }, () => {
  it("buries what the database refuses at once, with the reason, and its batch goes on", async () => {
    fault = "too large";
    const { good, bad } = await both(40);
    const times = await latencies(good);
    process.stdout.write(
      `good host beside refused blocks: p50 ${times[20]?.toFixed(0)} ms, max ${times.at(-1)?.toFixed(0)} ms\n`,
    );
    await eventually("all of the bad host's being told", 20_000, async () =>
      bad.every((firstSeq) => rejected.get(BAD)?.some((each) => each.firstSeq === firstSeq)) ? true : undefined,
    );
    assert.ok(rejected.get(BAD)?.every(({ reason, detail }) => reason === "DATABASE_REFUSED" && detail.length > 10));
    assert.equal(stored.get(BAD)?.size, 0, "none of them is told as stored");
    assert.deepEqual(rejected.get(GOOD), []);
    const { host } = (await archive.hosts.getHosts([BAD])).get(BAD) ?? {};
    assert.equal(host?.faults.deadBlocks, bad.length);
  });

  it("tries what fails for an unknown reason a few times only, and its batch goes on", async () => {
    fault = "unknown";
    rejected.get(BAD)?.splice(0);
    const { good, bad } = await both(10);
    await latencies(good);
    await eventually("all of the bad host's being told", 30_000, async () =>
      bad.every((firstSeq) => rejected.get(BAD)?.some((each) => each.firstSeq === firstSeq)) ? true : undefined,
    );
    assert.ok(
      rejected
        .get(BAD)
        ?.every(({ reason, detail }) => reason === "DELIVERIES_EXHAUSTED" && /nobody knows/.test(detail)),
    );
    assert.deepEqual(rejected.get(GOOD), []);
  });

  it("holds its batch while the database is away, longer than any number of deliveries would last", async () => {
    fault = "none";
    rejected.get(BAD)?.splice(0);
    await stack.mongodb.child?.kill("SIGKILL");
    const { good, bad } = await both(5);
    // Longer than the stream waits for an acknowledgement, times the deliveries that a bad block has.
    await sleep(3000 * (DELIVERIES_MAX + 1));
    await stack.mongodb.start();
    await latencies(good);
    await eventually("the other host's being stored", 20_000, async () =>
      bad.every((firstSeq) => stored.get(BAD)?.has(firstSeq)) ? true : undefined,
    );
    assert.deepEqual(rejected.get(BAD), []);
    assert.deepEqual(rejected.get(GOOD), []);
  });

  it("keeps the documents of more hosts at once than the embedded database answers together", async () => {
    const ids = Array.from({ length: 150 }, (_, at) => at.toString(16).padStart(32, "c"));
    const [known] = [...(await archive.hosts.getHosts([GOOD])).values()];
    assert.ok(known !== undefined);
    const changed = async (version: number, name: string): Promise<string[]> =>
      await archive.hosts.putHosts(ids.map((hostId) => ({ host: { ...known.host, hostId, name }, version })));
    assert.deepEqual(await changed(0, "new"), []);
    assert.deepEqual(await changed(1, "changed"), []);
    // Somebody else was first.
    assert.deepEqual(await changed(1, "late"), ids);
    const now = [...(await archive.hosts.getHosts(ids)).values()];
    assert.deepEqual(new Set(now.map(({ host }) => host.name)), new Set(["changed"]));
    assert.equal(now.length, ids.length);
  });
});
