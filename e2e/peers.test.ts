/**
 * Query processes that read for each other, on one NATS and one database: the same answers as one process gives alone, also while another
 * one is stopped or killed, is slow, or says what is wrong.
 */
import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { compactArchive } from "@hosttrail/collector/archives";
import { commit, compact } from "@hosttrail/collector/compact";
import { BlockStream } from "@hosttrail/collector/jetstream";
import { Archive } from "@hosttrail/collector/mongodb";
import { decodeRequest, encodeOffer, encodeReply, PeerSeal, peerVersionOf } from "@hosttrail/collector/peers";
import { sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { openLogger } from "@hosttrail/lib/log";
import { AggregateMetric_Kind, type AggregateEventsResponse } from "@hosttrail/proto/analysis";
import { Event } from "@hosttrail/proto/event";
import {
  ExplainSearchRequest,
  type ExplainSearchResponse,
  type QueryServiceClient,
  StreamSearchRequest,
  type StreamSearchResponse,
} from "@hosttrail/proto/query";
import type { Completeness } from "@hosttrail/proto/scan";
import { AnalysisClient } from "./analysis.ts";
import { ask } from "./alerting.ts";
import { eventually, openStack, queryClient, searchAll } from "./environment.ts";
import { metricsOf } from "./metrics.ts";

const DAY_MS = 86_400_000;
/** Segments, one for each host, large enough for threads. */
const HOSTS = 64;
const BLOCKS = 5;
const BLOCK_EVENTS = 420;
const EACH = BLOCKS * BLOCK_EVENTS;
const PLACE_MS = (Math.floor(Date.now() / DAY_MS) - 3) * DAY_MS;
const PLACE = new Date(PLACE_MS).toISOString().slice(0, 10).replaceAll("-", "");
/** No sieve knows what is greater, so all segments are looked into: one of them has the first, a third the second. */
const FILTERS = ["process.pid >= 100000 AND process.pid < 100400", "process.pid < 50000"] as const;
const [FEW] = FILTERS;
const RANGE = {
  startTime: { seconds: BigInt(PLACE_MS / 1000), nanos: 0 },
  endTime: { seconds: BigInt((PLACE_MS + DAY_MS) / 1000), nanos: 0 },
};
/** Groups and metrics of everything, which are made where a segment is read. */
const SUMMARY = {
  ...RANGE,
  groupBy: ["event.action", "process.args"],
  metrics: [
    { kind: AggregateMetric_Kind.DISTINCT, field: "process.pid" },
    { kind: AggregateMetric_Kind.MAX, field: "process.command_line" },
    { kind: AggregateMetric_Kind.SUM, field: "process.pid" },
  ],
  intervalSeconds: 600n,
  limit: 1000,
};
const VERSION = peerVersionOf("0.1.0");
const logger = openLogger("test", "error");
const sign = signerOf(generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString());

let stack: Awaited<ReturnType<typeof openStack>>;
let archive: Archive;
let client: QueryServiceClient;
let analysis: AnalysisClient;
/** What one process alone answers. */
let aloneSummary: AggregateEventsResponse | undefined;
const alone = new Map<string, Awaited<ReturnType<typeof answersTo>>>();

before(async () => {
  const compacting = { turn_ms: 600_000, age_ms: 3_600_000, blocks_min: 16_384 };
  // One thread, so that something waits; and what is damaged in the database is to be found there, and not in memory.
  const query = { workers: 1, cache_bytes: 0 };
  stack = await openStack({ collector: { compact: compacting, query, log_level: "warn" } });
  await stack.startServices();
  archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  await Promise.all([stack.startCollector(), fill()]);
  client = queryClient(stack);
  analysis = new AnalysisClient(stack);
  for (const filter of FILTERS) alone.set(filter, await answersTo(filter));
  aloneSummary = await summary();
});
after(async () => {
  client.close();
  analysis.close();
  await archive.close();
  await stack[Symbol.asyncDispose]();
});

function hostIdOf(host: number): string {
  return host.toString(16).padStart(32, "0");
}

/** Segments as the step that compacts makes them. */
async function fill(): Promise<void> {
  const sink = compactArchive(archive);
  for (let host = 0; host < HOSTS; host++) {
    const hostId = hostIdOf(host);
    let previousHeaderSha256: Uint8Array = new Uint8Array(0);
    const blocks = Array.from({ length: BLOCKS }, (_, block) => {
      const firstSeq = block * BLOCK_EVENTS;
      const about = { hostId, epoch: 1n, firstSeq: BigInt(firstSeq), bootId: "", agentVersion: "0", flags: 0 };
      const events = Array.from({ length: BLOCK_EVENTS }, (_each, at) => eventOf(host, firstSeq + at));
      const sealed = sealBlock(events, { ...about, previousHeaderSha256 }, nodePrimitives, sign);
      previousHeaderSha256 = sealed.headerSha256;
      return { receivedMs: PLACE_MS, signer: "0".repeat(64), status: "continues", bytes: sealed.bytes };
    });
    const made = compact({ hostId, epoch: 1n, blocks, segments: [] });
    const catalog = { hostId, place: PLACE, version: 0, older: [], entries: [] };
    assert.ok(made.length === 1 && (await commit(sink, catalog, { made, replaced: [] })));
    // The collector that starts meanwhile has its turns.
    await new Promise(setImmediate);
  }
}

function eventOf(host: number, seq: number): Event {
  const timeUnixNano = BigInt(PLACE_MS) * 1_000_000n + BigInt(seq * 1_000_000 + host) * 1000n;
  return Event.fromPartial({
    event: { timeUnixNano, action: seq % 3 === 0 ? "executed" : "opened-file" },
    host: { id: hostIdOf(host) },
    process: { pid: host * EACH + seq, args: ["run", String(seq % 100)] },
  });
}

interface Streamed {
  ids: string[];
  completeness: Completeness | undefined;
}

async function streamed(filter: string, by: QueryServiceClient = client): Promise<Streamed> {
  const ids: string[] = [];
  let completeness: Completeness | undefined;
  for await (const each of by.streamSearch(StreamSearchRequest.fromPartial({ ...RANGE, filter }))) {
    const message = each as StreamSearchResponse;
    ids.push(...message.events.map(({ id }) => id));
    completeness = message.completeness ?? completeness;
  }
  return { ids, completeness };
}

/** All that a question is answered with: in pages, streamed and counted, and what was looked at for it. */
async function answersTo(filter: string) {
  const { ids, completeness } = await streamed(filter);
  const isFew = ids.length <= 2000;
  const paged = isFew ? (await searchAll(client, { ...RANGE, filter, pageSize: 150 })).map(({ id }) => id) : [];
  const counted = (await analysis.aggregate({ ...RANGE, filter, groupBy: ["event.action"] })).at(-1);
  const { groups, completeness: counting } = counted ?? {};
  return { ids, paged, groups, looked: [completeness, counting].map((each) => lookedOf(each)) };
}

async function summary(): Promise<AggregateEventsResponse> {
  return (await analysis.aggregate(SUMMARY)).at(-1) ?? assert.fail("nothing was answered");
}

function lookedOf(completeness: Completeness | undefined) {
  const { complete, reasons, scanned, pruned, left, eventsMatched, unreadable } = completeness ?? {};
  return { complete, reasons, scanned, pruned, left, eventsMatched, unreadable };
}

function checkAlone(filter: string, answer: Awaited<ReturnType<typeof answersTo>>): void {
  const expected = alone.get(filter);
  assert.deepEqual(answer.ids.slice(0, 5), expected?.ids.slice(0, 5));
  assert.ok(answer.ids.join() === expected?.ids.join(), `${answer.ids.length} of ${expected?.ids.length} events`);
  assert.ok(answer.paged.join() === expected?.paged.join(), `${answer.paged.length} events in pages`);
  assert.deepEqual([answer.groups, answer.looked], [expected?.groups, expected?.looked]);
}

/** Units that other processes read for a scan of this filter. */
async function readByPeers(filter: string): Promise<number> {
  const request = ExplainSearchRequest.fromPartial({ ...RANGE, filter, analyze: true });
  const { steps, completeness } = await ask<ExplainSearchResponse>((done) => client.explainSearch(request, done));
  assert.equal(completeness?.scanned?.segments, BigInt(HOSTS));
  return Number(steps.find(({ step }) => step === "peer")?.times ?? 0n);
}

/** Units that others were asked for, by what came of them. */
async function peerUnits(): Promise<Record<string, number>> {
  const lines = (await metricsOf(stack)).matchAll(/^hosttrail_query_peer_units_total\{result="(\w+)"\} (\d+)$/gm);
  return Object.fromEntries(Array.from(lines, ([, result = "", count]) => [result, Number(count)]));
}

/** Asks until others have read some of it, since who would is found out meanwhile. */
async function untilShared(): Promise<number> {
  return await eventually("others reading for a question", 20_000, async () => (await readByPeers(FEW)) || undefined);
}

describe("a question to the only query process", { timeout: 120_000 }, () => {
  it("is answered by it alone", async () => {
    assert.equal(await readByPeers(FEW), 0);
    assert.deepEqual(await peerUnits(), {});
    const { ids, paged, looked } = alone.get(FEW) ?? assert.fail();
    assert.deepEqual([ids.length, paged, looked[0]?.complete], [400, ids, true]);
  });
});

describe("a question to one query process of two", { timeout: 120_000 }, () => {
  let other: Awaited<ReturnType<typeof stack.startAnotherCollector>>["process"];
  before(async () => {
    ({ process: other } = await stack.startAnotherCollector({ roles: ["ingest", "enroll", "query"] }));
  });

  it("is answered the same with others, which read a part of it where little matches", async () => {
    const shared = await untilShared();
    assert.ok(shared < HOSTS, `${shared} of ${HOSTS}`);
    for (const filter of FILTERS) checkAlone(filter, await answersTo(filter));
  });

  it("is summed up the same, of what others read as well, where all of it matches", async () => {
    assert.equal(aloneSummary?.events, BigInt(HOSTS * EACH));
    assert.ok((aloneSummary?.groups.length ?? 0) > 100);
    await eventually("others reading for a summary", 20_000, async () => {
      const read = (await peerUnits())["read"] ?? 0;
      assert.deepEqual(await summary(), aloneSummary);
      return ((await peerUnits())["read"] ?? 0) > read || undefined;
    });
  });

  it("names what is damaged as one process alone does", async () => {
    const [catalog] = await archive.history.catalogs(PLACE, [hostIdOf(HOSTS - 5)]);
    const [entry] = catalog?.entries ?? [];
    assert.ok(entry !== undefined);
    const bytes = (await archive.history.payload(PLACE, entry.id)) ?? new Uint8Array(0);
    const sieve = (await archive.history.sieve(PLACE, entry.id)) ?? new Uint8Array(0);
    const replace = async (payload: Uint8Array): Promise<void> => {
      await archive.history.removePayload(PLACE, entry.id);
      await archive.history.addPayloads(PLACE, [{ id: entry.id, bytes: payload, sieve }]);
    };
    try {
      await untilShared();
      await replace(Uint8Array.from(bytes, (byte, at) => (at === bytes.length >> 1 ? byte ^ 1 : byte)));
      // Where it is read depends on who has room, so that it is asked more than once.
      for (let round = 0; round < 4; round++) {
        const { ids, completeness } = await streamed(FEW);
        assert.deepEqual(ids, alone.get(FEW)?.ids);
        const [unreadable] = completeness?.unreadable ?? [];
        assert.equal(completeness?.unreadable.length, 1);
        assert.equal(unreadable?.hostId, hostIdOf(HOSTS - 5));
        assert.match(unreadable?.reason ?? "", /^SEGMENT_MALFORMED at .*not those that were stored/);
      }
    } finally {
      await replace(bytes);
    }
  });

  it("is answered the same while another one does not move, and is killed", async () => {
    await untilShared();
    process.kill(other.pid as number, "SIGSTOP");
    checkAlone(FEW, await answersTo(FEW));
    assert.ok(((await peerUnits())["silent"] ?? 0) > 0, "it was asked for something");
    process.kill(other.pid as number, "SIGCONT");
    await untilShared();
    const read = (await peerUnits())["read"] ?? 0;
    const answers = Array.from({ length: 3 }, () => streamed(FEW));
    await eventually("units that others read for these", 20_000, async () => {
      return ((await peerUnits())["read"] ?? 0) > read || undefined;
    });
    process.kill(other.pid as number, "SIGKILL");
    for (const { ids, completeness } of await Promise.all(answers)) {
      assert.deepEqual(ids, alone.get(FEW)?.ids);
      assert.equal(completeness?.complete, true);
    }
    checkAlone(FEW, await answersTo(FEW));
  });
});

/** A process of the test that offers to read, and answers as it likes. */
async function stranger(
  key: Uint8Array,
  answer: (request: Exclude<ReturnType<typeof decodeRequest>, "version">) => Promise<Uint8Array>,
): Promise<{ asked: () => number; close: () => Promise<void> }> {
  const options = { publishTimeoutMs: 5000, replicas: 1, streamBytesMax: 1 << 30, ackWaitMs: 30_000 };
  const stream = await BlockStream.open({ servers: [stack.nats.url], credentials: "", ...options }, logger);
  const seal = new PeerSeal(async () => key);
  const processId = randomBytes(16).toString("hex");
  let asked = 0;
  stream.peers.onCall(() => seal.seal("offer", encodeOffer(VERSION, { processId, requests: 4 })));
  stream.peers.onAsk(processId, async (message) => {
    asked++;
    const request = decodeRequest(await seal.open("request", message), VERSION);
    assert.ok(request !== "version");
    return await seal.seal("reply", await answer(request), message);
  });
  return { asked: () => asked, close: () => stream.close() };
}

describe("a process that offers to read", { timeout: 120_000 }, () => {
  const nothing = { reduced: undefined, readMs: 0, openMs: 0, matchMs: 0 };
  const ways: Record<string, Parameters<typeof stranger>[1]> = {
    "answers too late": async ({ jobs }) => {
      await sleep(2000);
      return encodeReply(
        jobs,
        jobs.map(() => ({ matches: new Uint32Array(0), ...nothing })),
      );
    },
    "answers what is no message": async () => randomBytes(500),
    "finds events that there are not": async ({ jobs }) =>
      encodeReply(
        jobs,
        jobs.map(({ unit }) => ({ matches: Uint32Array.of(unit.events + 1), ...nothing })),
      ),
    "answers for other units": async ({ jobs }) => encodeReply([...jobs, ...jobs], []),
    "reads nothing": async ({ jobs }) => encodeReply(jobs, []),
  };
  for (const [name, answer] of Object.entries(ways))
    it(`and ${name} changes no answer`, async () => {
      const other = await stranger(await archive.secrets.key("peers"), answer);
      try {
        await eventually("a request to it", 20_000, async () => {
          const { ids } = await streamed(FEW);
          assert.deepEqual(ids, alone.get(FEW)?.ids);
          return other.asked() > 0 || undefined;
        });
        checkAlone(FEW, await answersTo(FEW));
      } finally {
        await other.close();
      }
    });

  it("and does not have the cluster's key is asked nothing", async () => {
    const other = await stranger(randomBytes(32), async ({ jobs }) => encodeReply(jobs, []));
    try {
      await eventually("its offer", 20_000, async () => {
        assert.deepEqual((await streamed(FEW)).ids, alone.get(FEW)?.ids);
        return /an offer .* is not taken/.test(stack.collector.logTail(200)) || undefined;
      });
      assert.equal(await readByPeers(FEW), 0);
      assert.equal(other.asked(), 0);
    } finally {
      await other.close();
    }
  });
});
