/**
 * What a host's trail should not have: numbers that come twice, that are missing, links that do not hold, times that cannot be.
 * Nothing of it is lost, nothing is told as stored that is not, and all of it is shown.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { Archive } from "@hosttrail/collector/mongodb";
import { eventId, type SealedBlock } from "@hosttrail/lib/block";
import type { HostRecord, QueryServiceClient } from "@hosttrail/proto/query";
import { type BlockAbout, blockOf } from "./blocks.ts";
import { eventually, openStack, queryClient, searchAll } from "./environment.ts";
import { HostStream } from "./hoststream.ts";
import { metricsOf } from "./metrics.ts";

const DAY_MS = 86_400_000;
let stack: Awaited<ReturnType<typeof openStack>>;
let client: QueryServiceClient;
let stream: HostStream;
let epoch = 100n;

before(async () => {
  stack = await openStack();
  await stack.startServices();
  await stack.startCollector();
  await stack.enroll();
  client = queryClient(stack);
  stream = new HostStream(stack, stack.host);
  stream.hello(stack.hostId);
  await stream.answer("welcome");
});
after(async () => {
  stream.close();
  client.close();
  await stack[Symbol.asyncDispose]();
});

/** Each test has an epoch of its own. */
function about(firstSeq: bigint, previous?: Uint8Array): BlockAbout {
  return { hostId: stack.hostId, epoch, firstSeq, ...(previous === undefined ? {} : { previous }) };
}

function seal(place: BlockAbout, events: Parameters<typeof blockOf>[2]): SealedBlock {
  return blockOf(stack.host.keyFile, place, events);
}

/** Sends a block and waits until it is told as stored. */
async function store(block: SealedBlock): Promise<void> {
  stream.block(block.bytes);
  await eventually("the block being stored", 10_000, async () => {
    const at = stream.responses.findIndex(
      (each) =>
        each.$case === "stored" &&
        each.value.blocks.some(
          (reference) => reference.epoch === block.header.epoch && reference.firstSeq === block.header.firstSeq,
        ),
    );
    return at < 0 ? undefined : stream.responses.splice(at, 1);
  });
}

const actions = (prefix: string, count: number): { action: string }[] =>
  Array.from({ length: count }, (_, at) => ({ action: `${prefix}-${at}` }));

function host(): Promise<HostRecord> {
  return new Promise((resolve, reject) => {
    client.getHost({ hostId: stack.hostId }, (error, record) => (error === null ? resolve(record) : reject(error)));
  });
}

function getEvent(id: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    client.getEvent({ id }, (error, event) => (error === null ? resolve(event.event?.action) : reject(error)));
  });
}

/** Ids and actions of the events whose action begins so, oldest number first. */
async function found(prefix: string, count: number): Promise<{ id: string; action: string }[]> {
  const events = await searchAll(client, { filter: `event.action : ${prefix}-` });
  assert.equal(events.length, count);
  assert.equal(new Set(events.map(({ id }) => id)).size, count, "each event has an id of its own");
  return events.map(({ id, event }) => ({ id, action: event?.action ?? "" }));
}

describe("numbers that come twice", () => {
  it("are two blocks, both kept and both found, each event under an id of its own", async () => {
    epoch++;
    const before = await host().catch(() => undefined);
    const original = seal(about(0n), actions("original", 5));
    const other = seal(about(0n), actions("other", 5));
    await store(original);
    await store(other);
    await found("original", 5);
    const kept = await found("other", 5);
    for (const { id, action } of kept) assert.equal(await getEvent(id), action);
    assert.equal(await getEvent(eventId(stack.hostId, epoch, 0n)), "original-0");
    const now = await host();
    assert.equal(now.faults?.forkedBlocks, (before?.faults?.forkedBlocks ?? 0n) + 1n);
    const [notice] = await searchAll(client, { filter: "event.action = trail-forked" });
    assert.equal(notice?.host?.id, stack.hostId);
    const field = (key: string) => notice?.audit?.records[0]?.fields.find((each) => each.key === key)?.value;
    assert.equal(field("block"), eventId(stack.hostId, epoch, 0n));
    assert.equal(field("events"), "5");
  });

  it("are the same two blocks, however often each is sent, on any stream", async () => {
    epoch++;
    const blocks = [seal(about(0n), actions("again", 3)), seal(about(0n), actions("fork-again", 3))];
    for (let time = 0; time < 3; time++) {
      for (const block of blocks) await store(block);
      stream.close();
      stream = new HostStream(stack, stack.host);
      stream.hello(stack.hostId);
      await stream.answer("welcome");
    }
    await found("again", 6);
  });

  it("are found where ranges overlap in part, on either side and around", async () => {
    epoch++;
    await store(seal(about(10n), actions("base", 5)));
    await store(seal(about(12n), actions("right", 5)));
    await store(seal(about(8n), actions("left", 5)));
    await store(seal(about(5n), actions("around", 20)));
    await store(seal(about(11n), actions("inside", 2)));
    await found("base", 5);
    await found("right", 5);
    await found("left", 5);
    await found("around", 20);
    await found("inside", 2);
  });

  it("are found on another day, where a snapshot of a week ago is taken back", async () => {
    epoch++;
    const weekAgo = Date.now() - 7 * DAY_MS;
    await store(seal(about(0n), [{ action: "week-old", timeMs: weekAgo }]));
    await store(seal(about(0n), [{ action: "week-new" }]));
    await found("week", 2);
  });

  it("are found within one batch, and after the collector was started again", async () => {
    epoch++;
    const blocks = ["one", "two", "three"].map((name) => seal(about(0n), actions(`batch-${name}`, 2)));
    for (const { bytes } of blocks) stream.block(bytes);
    await eventually("all being stored", 10_000, async () => {
      const events = await searchAll(client, { filter: "event.action : batch-" });
      return events.length === 6 || undefined;
    });
    stream.close();
    await stack.collector.kill("SIGKILL");
    await stack.startCollector();
    stream = new HostStream(stack, stack.host);
    stream.hello(stack.hostId);
    await stream.answer("welcome");
    await store(seal(about(1n), actions("batch-late", 2)));
    await found("batch", 8);
  });
});

describe("links that do not hold, and numbers that are missing", () => {
  it("are counted with the host and told as events", async () => {
    epoch++;
    const before = await host();
    const first = seal(about(0n), actions("linked", 3));
    await store(first);
    await store(seal(about(3n, first.headerSha256), actions("linked-well", 3)));
    assert.equal((await host()).faults?.brokenLinks, before.faults?.brokenLinks);
    const wrong = createHash("sha256").update("another block").digest();
    await store(seal(about(6n, wrong), actions("linked-badly", 3)));
    const now = await host();
    assert.equal(now.faults?.brokenLinks, (before.faults?.brokenLinks ?? 0n) + 1n);
    await found("linked", 9);
    const [notice] = await searchAll(client, { filter: "event.action = trail-broken" });
    assert.equal(notice?.host?.id, stack.hostId);
  });
});

describe("a clock that is off", () => {
  it("is told with the host", async () => {
    epoch++;
    const late = new HostStream(stack, stack.host);
    late.hello(stack.hostId, "b", Date.now() + 90_000);
    await late.answer("welcome");
    late.block(seal(about(0n), [{ action: "off-clock" }]).bytes);
    await late.answer("stored");
    late.close();
    const { clockOffsetMs } = await host();
    assert.ok(clockOffsetMs > 88_000n && clockOffsetMs <= 90_000n, `${clockOffsetMs} ms`);
    assert.match(stack.collector.logTail(200), /"offsetMs":(?:8|9)\d{4},"msg":"a host's clock is off/);
    assert.match(stack.hosttrail("hosts"), new RegExp(`clock \\+${(Number(clockOffsetMs) / 1000).toFixed(0)} s`));
    const metrics = await metricsOf(stack);
    const shown = new RegExp(`hosttrail_host_clock_offset_seconds\\{host="${stack.hostId}"\\} ([\\d.]+)`).exec(
      metrics,
    )?.[1];
    assert.equal(Math.round(Number(shown) * 1000), Number(clockOffsetMs));
  });
});

describe("times that cannot be", () => {
  it("make no collection of their own, are found where they are asked for, and change no host's last event", async () => {
    epoch++;
    const startMs = Date.now();
    const years = [0, Date.UTC(1970, 5, 1), Date.UTC(2106, 1, 7), Date.UTC(2200, 0, 1)];
    let seq = 0n;
    for (const timeMs of years) await store(seal(about(seq++), [{ action: "odd-time", timeMs }]));
    // A day for each of a hundred blocks of the future.
    for (let day = 2; day < 102; day++) {
      stream.block(seal(about(seq++), [{ action: "odd-day", timeMs: startMs + day * DAY_MS }]).bytes);
    }
    await store(seal(about(seq++), [{ action: "right-time" }]));
    const all = { endTime: { seconds: 9_000_000_000n, nanos: 0 } };
    await eventually("all of them being found", 10_000, async () => {
      const events = await searchAll(client, { filter: "event.action : odd-", ...all });
      return events.length === years.length + 100 || undefined;
    });
    const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
    const { arrivals } = await archive.arrivals.waiting("", { blocksMax: 10_000, bytesMax: 1 << 30 });
    const days = [...new Set([...arrivals.map(({ place }) => place), ...(await archive.history.days())])].filter(
      (place) => place !== "outside",
    );
    await archive.close();
    // Today and the week ago of a test above; midnight may pass.
    assert.ok(days.length <= 3, days.join(" "));

    const seconds = BigInt(Math.floor(startMs / 1000) - 3600);
    const lastHour = await searchAll(client, { filter: "", startTime: { seconds, nanos: 0 } });
    assert.ok(lastHour.some(({ event }) => event?.action === "right-time"));
    assert.ok(!lastHour.some(({ event }) => event?.action.startsWith("odd-")), "nothing of the future");
    const future = await searchAll(client, { ...all, startTime: { seconds: 4_000_000_000n, nanos: 0 } });
    assert.equal(future.length, 2);
    const [odd] = future;
    assert.equal(await getEvent(odd?.id ?? ""), "odd-time");
    const record = await host();
    const lastMs = Number(record.lastEventTime?.seconds ?? 0n) * 1000;
    assert.ok(lastMs <= Date.now() && lastMs >= startMs - 2000, `last event ${lastMs}`);
    assert.ok((record.faults?.outsideBlocks ?? 0n) >= BigInt(years.length + 99));
    const [notice] = await searchAll(client, { filter: "event.action = trail-outside" });
    assert.equal(notice?.host?.id, stack.hostId);
  });

  it("stand in the order of their times among all others, whatever the page", async () => {
    epoch++;
    const now = Date.now();
    // Blocks of two days lie outside as well, with events in between those of others.
    const midnight = now - (now % DAY_MS);
    const straddling = Array.from({ length: 6 }, (_, at) => ({
      action: "order-x",
      timeMs: midnight - 3000 + at * 1000,
    }));
    await store(seal(about(0n), straddling));
    const early = Array.from({ length: 6 }, (_, at) => ({ action: "order-y", timeMs: midnight - 3500 + at * 500 }));
    await store(
      seal(
        about(6n),
        early.filter(({ timeMs }) => timeMs < midnight),
      ),
    );
    const late = Array.from({ length: 6 }, (_, at) => ({ action: "order-z", timeMs: midnight + 250 + at * 500 }));
    await store(seal(about(20n), late));
    for (const pageSize of [1, 2, 5, 100]) {
      const events = await searchAll(client, { filter: "event.action : order-", pageSize });
      assert.equal(events.length, 6 + early.filter(({ timeMs }) => timeMs < midnight).length + 6);
      const times = events.map(({ event }) => event?.timeUnixNano ?? 0n);
      assert.deepEqual(
        times,
        times.toSorted((a, b) => (a > b ? -1 : a < b ? 1 : 0)),
      );
      assert.equal(new Set(events.map(({ id }) => id)).size, events.length);
    }
  });
});
