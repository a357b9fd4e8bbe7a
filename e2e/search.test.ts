/** Searches on a real database, with hosts that were renamed and that are gone: in both orders, streamed, within budgets and scopes. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServiceError } from "@grpc/grpc-js";
import { compactArchive, historySource } from "@hosttrail/collector/archives";
import { Compactor } from "@hosttrail/collector/compact";
import { History } from "@hosttrail/collector/history";
import { BlockStream } from "@hosttrail/collector/jetstream";
import { Archive } from "@hosttrail/collector/mongodb";
import { eventId, sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { openLogger } from "@hosttrail/lib/log";
import { Event } from "@hosttrail/proto/event";
import {
  ExplainSearchRequest,
  type ExplainSearchResponse,
  ListHostsRequest,
  type ListHostsResponse,
  type QueryServiceClient,
  StreamSearchRequest,
  type StreamSearchResponse,
  TailEventsRequest,
  type TailEventsResponse,
} from "@hosttrail/proto/query";
import type { Completeness, HostSelector } from "@hosttrail/proto/scan";
import { eventually, openStack, queryClient, search, searchAll } from "./environment.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const BLOCKS = 60;
const BLOCK_EVENTS = 50;
const EACH = BLOCKS * BLOCK_EVENTS;
const [RENAMED, GONE, OTHER] = ["a", "b", "c"].map((digit) => digit.repeat(32)) as [string, string, string];
/** The middle of a day that is over. */
const NOON_MS = (Math.floor(Date.now() / DAY_MS) - 3) * DAY_MS + 12 * HOUR_MS;
const START = { seconds: BigInt(NOON_MS / 1000), nanos: 0 };
const END = { seconds: BigInt((NOON_MS + 2 * HOUR_MS) / 1000), nanos: 0 };
const RANGE = { startTime: START, endTime: END };
const logger = openLogger("test", "error");
const sign = signerOf(generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString());

let stack: Awaited<ReturnType<typeof openStack>>;
let archive: Archive;
let client: QueryServiceClient;
let scoped: QueryServiceClient;
/** What was stored: id and time of each event. */
const stored: { id: string; timeNano: bigint; action: string }[] = [];

before(async () => {
  const bindings = [
    { subject: "certificate:dev", role: "admin" },
    { subject: "certificate:scoped", role: "viewer", scope: { team: "blue" } },
  ];
  // The collector's own compacting is asleep.
  const compact = { turn_ms: 600_000, age_ms: 3_600_000, blocks_min: 16_384 };
  // What is damaged in the database is to be found there, and not in the memory of before.
  const query = { cache_bytes: 0 };
  stack = await openStack({ collector: { compact, query, access: { bindings } } });
  await stack.startServices();
  await stack.startCollector();
  archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  client = queryClient(stack);
  scoped = queryClient(stack, await stack.ca.user("scoped"));
  for (const [hostId, team] of [
    [RENAMED, "red"],
    [GONE, "red"],
    [OTHER, "blue"],
  ] as const)
    await archive.identities.insertIdentity(identityOf(hostId, team));
  await publishAll();
});
after(async () => {
  client.close();
  scoped.close();
  await archive.close();
  await stack[Symbol.asyncDispose]();
});

function identityOf(hostId: string, team: string): Parameters<Archive["identities"]["insertIdentity"]>[0] {
  const never = { expireMs: 0, revokeMs: 0, revokeReason: "", boots: [], clonedBoots: [] };
  return { hostId, hostName: "", labels: { team }, proof: "token:t", keyFingerprint: hostId, enrollMs: 1, ...never };
}

/** Two of them are history, the third one's blocks have not been merged yet. */
async function publishAll(): Promise<void> {
  const options = { publishTimeoutMs: 5000, replicas: 1, streamBytesMax: 1 << 30, ackWaitMs: 30_000 };
  const stream = await BlockStream.open({ servers: [stack.nats.url], credentials: "", ...options }, logger);
  const compactor = new Compactor(
    compactArchive(archive),
    new History(historySource(archive)),
    archive.hosts,
    { turnMs: 50, ageMs: 0, blocksMin: 1 },
    logger,
  );
  try {
    await publish(stream, RENAMED);
    await publish(stream, GONE);
    await compactor.compactWaiting();
    await publish(stream, OTHER);
  } finally {
    await compactor.close();
    await stream.close();
  }
}

/** Hosts have their events at the same times, some of them in the same nanosecond. */
async function publish(stream: BlockStream, hostId: string): Promise<void> {
  let previous: Uint8Array = new Uint8Array(0);
  for (let block = 0; block < BLOCKS; block++) {
    const firstSeq = BigInt(block * BLOCK_EVENTS);
    const events = Array.from({ length: BLOCK_EVENTS }, (_, at) => {
      const index = block * BLOCK_EVENTS + at;
      const action = index % 10 === 0 ? "tenth" : "other";
      const timeUnixNano = BigInt(NOON_MS) * 1_000_000n + BigInt(index) * 1_000_000_000n;
      stored.push({ id: eventId(hostId, 1n, BigInt(index)), timeNano: timeUnixNano, action });
      return Event.fromPartial({
        event: { timeUnixNano, action },
        host: { id: hostId, name: nameOf(hostId, block) },
        cloud: { instanceId: hostId === GONE ? "i-gone" : "" },
        process: { args: ["run", String(index), "x".repeat(200)] },
      });
    });
    const about = { hostId, epoch: 1n, firstSeq, bootId: "", agentVersion: "0", flags: 0 };
    const { bytes, headerSha256 } = sealBlock(
      events,
      { ...about, previousHeaderSha256: previous },
      nodePrimitives,
      sign,
    );
    previous = headerSha256;
    const id = eventId(hostId, 1n, firstSeq);
    const hash = Buffer.from(headerSha256).toString("hex");
    await stream.publish({ id, hostId, hostName: "", signer: "s", headerSha256: hash, bytes });
  }
  await eventually("all blocks being stored", 60_000, async () => {
    const host = (await archive.hosts.getHosts([hostId])).get(hostId)?.host;
    return host?.trail[0]?.ranges[0]?.next === BigInt(EACH) || undefined;
  });
}

/** One event of this moment, of a later run of the host's agent. */
async function publishNow(stream: BlockStream, hostId: string): Promise<void> {
  const timeUnixNano = BigInt(Date.now()) * 1_000_000n;
  const event = Event.fromPartial({ event: { timeUnixNano, action: "now" }, host: { id: hostId, name: "other-1" } });
  const about = { hostId, epoch: 2n, firstSeq: 0n, bootId: "", agentVersion: "0", flags: 0 };
  const previousHeaderSha256 = new Uint8Array(0);
  const { bytes, headerSha256 } = sealBlock([event], { ...about, previousHeaderSha256 }, nodePrimitives, sign);
  const hash = Buffer.from(headerSha256).toString("hex");
  await stream.publish({
    id: eventId(hostId, 2n, 0n),
    hostId,
    hostName: "",
    signer: "s",
    headerSha256: hash,
    bytes,
  });
}

function nameOf(hostId: string, block: number): string {
  if (hostId === RENAMED) return block < BLOCKS / 2 ? "web-1" : "db-1";
  return hostId === GONE ? "gone-1" : "other-1";
}

/** What a question over rows finds, in the order of time. */
function naive(hosts: readonly string[], action?: string): string[] {
  return stored
    .filter((each) => hosts.includes(each.id.slice(0, 32)) && (action === undefined || each.action === action))
    .sort((a, b) => (a.timeNano === b.timeNano ? (a.id < b.id ? -1 : 1) : a.timeNano < b.timeNano ? -1 : 1))
    .map(({ id }) => id);
}

interface Streamed {
  ids: string[];
  completeness: Completeness | undefined;
  resumeToken: string;
}

/** All that a stream gives; `read` is done before each of its messages is taken. */
async function streamed(
  request: Partial<StreamSearchRequest>,
  by: QueryServiceClient = client,
  read: () => Promise<void> = async () => undefined,
): Promise<Streamed> {
  const call = by.streamSearch(StreamSearchRequest.fromPartial({ ...RANGE, ...request }));
  const ids: string[] = [];
  let last: StreamSearchResponse | undefined;
  for await (const response of call) {
    await read();
    last = response as StreamSearchResponse;
    ids.push(...last.events.map(({ id }) => id));
  }
  return { ids, completeness: last?.completeness, resumeToken: last?.resumeToken ?? "" };
}

function selector(hosts: Partial<HostSelector>): HostSelector {
  return { hostIds: [], names: [], instanceIds: [], labels: [], ...hosts };
}

async function explained(request: Partial<ExplainSearchRequest>, by = client): Promise<ExplainSearchResponse> {
  return await new Promise((resolve, reject) => {
    by.explainSearch(ExplainSearchRequest.fromPartial({ ...RANGE, ...request }), (error, response) =>
      error === null ? resolve(response) : reject(error),
    );
  });
}

async function listed(request: Partial<ListHostsRequest>, by = client): Promise<string[]> {
  const { hosts } = await new Promise<ListHostsResponse>((resolve, reject) => {
    by.listHosts(ListHostsRequest.fromPartial(request), (error, response) =>
      error === null ? resolve(response) : reject(error),
    );
  });
  return hosts.map(({ hostId }) => hostId);
}

describe("both orders", { timeout: 300_000 }, () => {
  it("are those of all events, in pages and streamed", async () => {
    const expected = naive([RENAMED, GONE, OTHER], "tenth");
    for (const [orderBy, ids] of [
      ["time", expected],
      ["time desc", expected.toReversed()],
    ] as const) {
      const question = { ...RANGE, filter: "event.action = tenth", orderBy };
      const paged = await searchAll(client, { ...question, pageSize: 171 });
      assert.deepEqual(
        paged.map(({ id }) => id),
        ids,
      );
      const all = await streamed(question);
      assert.deepEqual(all.ids, ids);
      assert.equal(all.completeness?.complete, true);
      assert.equal(all.resumeToken, "");
      assert.deepEqual((await streamed({ orderBy })).ids.length, 3 * EACH);
    }
  });
});

describe("a budget", { timeout: 300_000 }, () => {
  it("ends a search that says so, and goes on with its token until all was looked at", async () => {
    for (const orderBy of ["time", "time desc"]) {
      const ids: string[] = [];
      const reasons: string[] = [];
      let resumeToken = "";
      let calls = 0;
      do {
        const part: Streamed = await streamed({
          orderBy,
          filter: "event.action = tenth",
          budget: { timeMs: 0n, bytes: 0n, events: 1000n },
          resumeToken,
        });
        ids.push(...part.ids);
        reasons.push(...(part.completeness?.reasons ?? []));
        assert.equal(part.completeness?.complete, part.resumeToken === "");
        resumeToken = part.resumeToken;
      } while (resumeToken !== "" && ++calls < 100);
      const expected = naive([RENAMED, GONE, OTHER], "tenth");
      assert.deepEqual(ids, orderBy === "time" ? expected : expected.toReversed());
      assert.ok(calls >= 2, `${calls} calls`);
      assert.deepEqual(new Set(reasons), new Set(["budget"]));
    }
  });

  it("of events that are sent ends it as well", async () => {
    const { ids, completeness, resumeToken } = await streamed({ limit: 7n, orderBy: "time" });
    const rest = await streamed({ limit: 5n, orderBy: "time", resumeToken });
    assert.deepEqual([...ids, ...rest.ids], naive([RENAMED, GONE, OTHER]).slice(0, 12));
    assert.deepEqual(completeness?.reasons, ["limit"]);
  });

  it("must have a form, and so must the range, the order and the token", async () => {
    const wrong: [Partial<StreamSearchRequest>, RegExp][] = [
      [{ budget: { timeMs: -1n, bytes: 0n, events: 0n } }, /budget.time_ms is -1; allowed are 0 to 60000/],
      [{ limit: -1n }, /limit is -1; allowed are 0 and more/],
      [{ orderBy: "size" }, /order_by is "size"; allowed are/],
      [{ startTime: END, endTime: START }, /start_time is later than end_time/],
      [{ resumeToken: "AAAA" }, /not one that this API gave out/],
    ];
    for (const [request, message] of wrong) await assert.rejects(streamed(request), message);
    const { resumeToken } = await streamed({ limit: 1n });
    await assert.rejects(streamed({ resumeToken, filter: "event.action = tenth" }), /belongs to a request/);
    await assert.rejects(streamed({ resumeToken }, scoped), /or of another caller/);
    const { nextPageToken } = await search(client, { ...RANGE, pageSize: 1 });
    const tampered = `${nextPageToken.slice(0, 30)}${nextPageToken[30] === "A" ? "B" : "A"}${nextPageToken.slice(31)}`;
    await assert.rejects(search(client, { ...RANGE, pageSize: 1, pageToken: tampered }), /not one that this API gave/);
  });
});

describe("who reads a stream", { timeout: 300_000 }, () => {
  it("slowly gets all of it", async () => {
    let reads = 0;
    const { ids } = await streamed({ orderBy: "time" }, client, async () => {
      if (++reads <= 20) await sleep(50);
    });
    assert.deepEqual(ids, naive([RENAMED, GONE, OTHER]));
  });

  it("and goes away ends the work for it, and it is recorded how far it came", async () => {
    const call = client.streamSearch(StreamSearchRequest.fromPartial({ ...RANGE, filter: "event.action != never" }));
    call.on("error", () => undefined);
    const [first] = (await once(call, "data")) as [StreamSearchResponse];
    assert.ok(first.events.length > 0);
    call.cancel();
    const entry = await eventually("the record of the call", 10_000, async () => {
      const entries = await archive.apiAudit.listAudit("", 1000);
      return entries.find(({ request, status }) => request.includes("!= never") && status !== "STARTED");
    });
    assert.equal(entry.status, "CANCELLED");
    assert.ok(entry.results < 3 * EACH, `${entry.results} of ${3 * EACH} were sent`);
  });
});

describe("hosts of a question", { timeout: 300_000 }, () => {
  it("are found by a name that they had, by an instance and by labels, also when they are gone", async () => {
    const filter = "event.action = tenth";
    const by = async (hosts: Partial<HostSelector>): Promise<string[]> =>
      (await streamed({ filter, orderBy: "time", hosts: selector(hosts) })).ids;
    const renamed = naive([RENAMED], "tenth");
    assert.deepEqual(await by({ names: ["web-1"] }), renamed);
    assert.deepEqual(await by({ names: ["db-1"] }), renamed);
    assert.deepEqual(await by({ names: ["gone-1"] }), naive([GONE], "tenth"));
    assert.deepEqual(await by({ instanceIds: ["i-gone"] }), naive([GONE], "tenth"));
    assert.deepEqual(await by({ labels: ["team=red"] }), naive([RENAMED, GONE], "tenth"));
    assert.deepEqual(await by({ labels: ["team"] }), naive([RENAMED, GONE, OTHER], "tenth"));
    assert.deepEqual(await by({ labels: ["team=red"], names: ["gone-1", "other-1"] }), naive([GONE], "tenth"));
    assert.deepEqual(await listed({ hosts: selector({ names: ["web-1"] }) }), [RENAMED]);
    // By that time it had its other name already.
    const later = { startTime: { seconds: END.seconds - 5000n, nanos: 0 } };
    await assert.rejects(
      streamed({ ...later, hosts: selector({ names: ["web-1"] }) }),
      /in the time that is asked about/,
    );
    await assert.rejects(by({ names: ["nobody"] }), /no host that you may see has one of hosts.names/);
  });

  it("are those of the caller's scope, whatever is asked", async () => {
    const own = naive([OTHER]);
    assert.deepEqual((await streamed({ orderBy: "time" }, scoped)).ids, own);
    assert.deepEqual((await streamed({ orderBy: "time", hosts: selector({ labels: ["team"] }) }, scoped)).ids, own);
    assert.deepEqual(await listed({}, scoped), [OTHER]);
    for (const hosts of [
      { names: ["web-1"] },
      { instanceIds: ["i-gone"] },
      { hostIds: [GONE] },
      { labels: ["team=red"] },
    ]) {
      await assert.rejects(streamed({ hosts: selector(hosts) }, scoped), (error: ServiceError) => {
        assert.match(error.details, /no host that you may see/);
        return true;
      });
      await assert.rejects(listed({ hosts: selector(hosts) }, scoped), /no host that you may see/);
    }
    assert.deepEqual((await streamed({ hostId: GONE }, scoped)).ids, []);
    const { pruned, completeness } = await explained({ analyze: true }, scoped);
    assert.ok(pruned.every(({ segments }) => segments === 0n));
    assert.equal(completeness?.scanned?.events, BigInt(EACH));
  });
});

describe("whoever watches", { timeout: 300_000 }, () => {
  it("sees the events of the hosts that are selected, and of no others", async () => {
    const watched = async (hosts: Partial<HostSelector>): Promise<{ seen: string[]; cancel: () => void }> => {
      const call = client.tailEvents(TailEventsRequest.fromPartial({ hosts: selector(hosts) }));
      const seen: string[] = [];
      call.on("error", () => undefined);
      call.on("data", ({ events }: TailEventsResponse) => seen.push(...events.map(({ id }) => id)));
      await once(call, "metadata");
      return { seen, cancel: () => call.cancel() };
    };
    const own = await watched({ labels: ["team=blue"] });
    const others = await watched({ labels: ["team=red"], hostIds: [RENAMED, GONE, OTHER] });
    const options = { publishTimeoutMs: 5000, replicas: 1, streamBytesMax: 1 << 30, ackWaitMs: 30_000 };
    const stream = await BlockStream.open({ servers: [stack.nats.url], credentials: "", ...options }, logger);
    try {
      await publishNow(stream, OTHER);
      await eventually("the event that is watched", 10_000, async () => own.seen.length > 0 || undefined);
      await sleep(200);
      assert.deepEqual(own.seen, [eventId(OTHER, 2n, 0n)]);
      assert.deepEqual(others.seen, []);
    } finally {
      own.cancel();
      others.cancel();
      await stream.close();
    }
  });
});

describe("an explanation", { timeout: 300_000 }, () => {
  it("says what is there, what is left out by what, and what was found in which time", async () => {
    const { parsedFilter, fields, pruned, completeness, steps } = await explained({
      filter: "event.action = tenth AND host.name = gone-1",
      hosts: selector({ labels: ["team=red"] }),
      analyze: true,
    });
    assert.equal(parsedFilter, "event.action = tenth AND host.name = gone-1");
    assert.deepEqual(fields, ["event.action", "host.name"]);
    const events = Object.fromEntries(pruned.map((step) => [step.by, step.events]));
    assert.equal(events["host"], BigInt(EACH));
    assert.equal(events["time"], 0n);
    assert.equal(completeness?.eventsMatched, BigInt(EACH / 10));
    assert.equal((completeness?.scanned?.events ?? 0n) + (events["sieve"] ?? 0n), BigInt(2 * EACH));
    assert.ok(steps.some(({ step }) => step === "match"));
  });
});

describe("damage", { timeout: 300_000 }, () => {
  it("is named and counted, and the rest is streamed", async () => {
    const place = new Date(NOON_MS).toISOString().slice(0, 10).replaceAll("-", "");
    const [catalog] = await archive.history.catalogs(place, [GONE]);
    const [entry] = catalog?.entries ?? [];
    assert.ok(entry !== undefined, "it is history");
    const bytes = Uint8Array.from((await archive.history.payload(place, entry.id)) ?? []);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    const sieve = (await archive.history.sieve(place, entry.id)) ?? new Uint8Array(0);
    await archive.history.removePayload(place, entry.id);
    await archive.history.addPayloads(place, [{ id: entry.id, bytes, sieve }]);
    // A collector that has it open still need not look again.
    const another = await stack.startAnotherCollector();
    const fresh = queryClient(Object.assign(Object.create(stack), { queryPort: another.queryPort }) as typeof stack);
    try {
      const { ids, completeness } = await streamed({ orderBy: "time" }, fresh);
      const lost = entry.events;
      assert.equal(ids.length, 3 * EACH - lost);
      const all = new Set(naive([RENAMED, GONE, OTHER]));
      assert.ok(ids.every((id) => all.has(id)));
      assert.deepEqual(completeness?.reasons, ["unreadable"]);
      assert.deepEqual(
        completeness?.unreadable.map(({ hostId, events }) => [hostId, events]),
        [[GONE, BigInt(lost)]],
      );
      // The token of one collector is taken by another.
      const { resumeToken } = await streamed({ limit: 3n, orderBy: "time", hostId: OTHER });
      const rest = await streamed({ limit: 3n, orderBy: "time", hostId: OTHER, resumeToken }, fresh);
      assert.deepEqual(rest.ids, naive([OTHER]).slice(3, 6));
    } finally {
      fresh.close();
    }
  });
});
