/**
 * Dead letters on a real stack: a block that cannot be stored is listed, shown, replayed and dropped; what the stream's duplicate window does is
 * told; what was pushed out is counted; others' hosts are not there; a consumer that somebody has bounded is noticed.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import { Archive } from "@hosttrail/collector/mongodb";
import {
  DeadBlock,
  DeadBlock_StoredState as StoredState,
  DeadBlockServiceClient,
  ListDeadBlocksRequest,
  type ListDeadBlocksResponse,
  type ReplayDeadBlockResponse,
  ReplayDeadBlockResponse_Outcome as Outcome,
} from "@hosttrail/proto/deadblock";
import { Event } from "@hosttrail/proto/event";
import { GetLedgerRequest, type Ledger, LedgerReasonKind as Kind, LedgerServiceClient } from "@hosttrail/proto/ledger";
import { credentialsOf, eventually, openStack } from "./environment.ts";
import { LedgerHost, malformed } from "./ledgerhost.ts";
import { metricsOf } from "./metrics.ts";
import { NatsLine } from "./natsline.ts";
import { hostIdOf, openBlockStream, PublishingHost, type SealedForStream } from "./publisher.ts";

const CLI = new URL("../cli/src/main.ts", import.meta.url).pathname;
const MINUTE_MS = 60_000;
/** Letters of one host and reason that are kept. */
const KEPT_MAX = 64;

let stack: Awaited<ReturnType<typeof openStack>>;
let archive: Archive;
let stream: BlockStream;
let client: DeadBlockServiceClient;
let scoped: DeadBlockServiceClient;

before(async () => {
  stack = await openStack({
    collector: {
      roles: ["ingest", "store", "query", "enroll"],
      access: {
        bindings: [
          { subject: "certificate:dev", role: "admin" },
          { subject: "certificate:viewer", role: "viewer" },
          { subject: "certificate:of-a", role: "admin", scope: { team: "a" } },
        ],
      },
    },
  });
  await stack.startServices();
  await stack.startCollector();
  archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  stream = await openBlockStream(stack);
  client = new DeadBlockServiceClient(`localhost:${stack.queryPort}`, credentialsOf(stack, stack.user));
  const one = await stack.ca.user("of-a");
  scoped = new DeadBlockServiceClient(`localhost:${stack.queryPort}`, credentialsOf(stack, one));
});
after(async () => {
  client?.close();
  scoped?.close();
  await stream?.close();
  await archive?.close();
  await stack[Symbol.asyncDispose]();
});

type Request<Method extends keyof DeadBlockServiceClient> = Method extends "replayDeadBlock"
  ? { id: string; waitMs: number }
  : { id: string; reason: string };

function list(
  about: Parameters<(typeof ListDeadBlocksRequest)["fromPartial"]>[0] = {},
  who = client,
): Promise<ListDeadBlocksResponse> {
  const request = ListDeadBlocksRequest.fromPartial(about);
  return new Promise((resolve, reject) => {
    who.listDeadBlocks(request, (error, page) => (error === null ? resolve(page) : reject(error)));
  });
}

function show(id: string, who = client): Promise<DeadBlock> {
  return new Promise((resolve, reject) => {
    who.getDeadBlock({ id }, (error, block) => (error === null ? resolve(block) : reject(error)));
  });
}

function replay(request: Request<"replayDeadBlock">, who = client): Promise<ReplayDeadBlockResponse> {
  return new Promise((resolve, reject) => {
    who.replayDeadBlock(request, (error, response) => (error === null ? resolve(response) : reject(error)));
  });
}

function drop(request: Request<"dropDeadBlock">, who = client): Promise<object> {
  return new Promise((resolve, reject) => {
    who.dropDeadBlock(request, (error, response) => (error === null ? resolve(response) : reject(error)));
  });
}

function command(...words: string[]): { code: number | null; output: string; errors: string } {
  const args = [CLI, "--profile", stack.profileFile, ...words];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  return { code: status, output: stdout, errors: stderr };
}

async function died(hostId: string, count = 1): Promise<DeadBlock[]> {
  return await eventually(`${count} dead letters`, 30_000, async () => {
    const { deadBlocks } = await list({ hostId });
    return deadBlocks.length >= count ? deadBlocks : undefined;
  });
}

/** A block that dies, and what it was before. */
async function dying(host: LedgerHost, count = 5): Promise<{ letter: DeadBlock; whole: SealedForStream }> {
  const whole = await host.block(count, Date.now(), "malformed");
  const letters = await died(host.host.hostId);
  return { letter: letters.find(({ blockId }) => blockId === whole.id) ?? assert.fail("it died"), whole };
}

function ledgerOf(hostId: string): Promise<Ledger> {
  const ledgers = new LedgerServiceClient(`localhost:${stack.queryPort}`, credentialsOf(stack, stack.user));
  return new Promise<Ledger>((resolve, reject) => {
    ledgers.getLedger(GetLedgerRequest.fromPartial({ hostId }), (error, ledger) =>
      error === null ? resolve(ledger) : reject(error),
    );
  }).finally(() => ledgers.close());
}

describe("dead letters", { timeout: 400_000 }, () => {
  it("are listed and shown with their reason, host, block, size and deliveries", async () => {
    const host = new LedgerHost(stream, "shown", Date.now() - MINUTE_MS);
    const { letter, whole } = await dying(host);
    const { hostId, blockId, reason, events, deliveries, hostName, sizeBytes, headerSha256 } = letter;
    assert.deepEqual(
      { hostId, blockId, events, deliveries, hostName, headerSha256 },
      {
        hostId: host.host.hostId,
        blockId: whole.id,
        events: 5,
        deliveries: 1,
        hostName: "shown",
        headerSha256: whole.headerSha256,
      },
    );
    assert.equal(sizeBytes, BigInt(malformed(whole.bytes).length));
    assert.ok(reason !== "" && letter.detail !== "");
    const shown = await show(letter.id);
    assert.equal(shown.stored, StoredState.NOT_STORED);
    assert.deepEqual([shown.header?.count, shown.header?.firstSeq, shown.problems.length], [5, 0n, 1]);
    const printed = command("dlq", "show", letter.id);
    assert.match(printed.output, /^NUMBERS +0 to 4, 5 events$/m);
    assert.match(printed.output, new RegExp(`^WRONG NOW +${reason}`, "m"));
    assert.match(
      command("dlq", "list", "--host", hostId).output,
      new RegExp(`^${letter.id} .*shown +${reason} +5 `, "m"),
    );
    const json = DeadBlock.fromJSON(JSON.parse(command("dlq", "list", "--host", hostId, "--json").output));
    assert.equal(json.blockId, whole.id);
    assert.deepEqual((await list({ hostId, reason: "NO_SUCH_REASON" })).deadBlocks, []);
  });

  it("die again where they are replayed as they are, and are one letter for all that", async () => {
    const host = new LedgerHost(stream, "again", Date.now() - MINUTE_MS);
    const { letter } = await dying(host);
    // The stream had it a moment ago, and takes none of it: nothing happens, and that is said.
    const early = await replay({ id: letter.id, waitMs: 1000 });
    assert.equal(early.outcome, Outcome.DUPLICATE, early.detail);
    assert.match(early.detail, /two minutes/);
    assert.equal((await list({ hostId: letter.hostId })).deadBlocks.length, 1);
    // One that the stream did not have, as after that time.
    const later = new PublishingHost("later");
    const sealed = later.seal([workedAt(Date.now())]);
    const about = { ...sealed, bytes: malformed(sealed.bytes), hostId: later.hostId, hostName: "later", signer: "" };
    await stream.bury(about, "DELIVERIES_EXHAUSTED", "by a test", 30);
    const [old] = await died(later.hostId);
    const again = await replay({ id: old?.id ?? "", waitMs: 20_000 });
    assert.equal(again.outcome, Outcome.DEAD, again.detail);
    assert.ok(again.detail.startsWith(letter.reason), again.detail);
    const { deadBlocks, pushedOut } = await list({ hostId: later.hostId });
    assert.deepEqual(
      deadBlocks.map(({ id, reason }) => [id, reason]),
      [[again.newId, letter.reason]],
    );
    assert.equal(pushedOut, 0n, "what was replayed was not pushed out");
  });

  it("go when the same bytes are stored, by a replay or by whatever else", async () => {
    // A block that is whole, and died since it was delivered too often.
    const host = new PublishingHost("whole");
    const [block, other] = [1, 2].map(() => host.seal([workedAt(Date.now())]));
    if (block === undefined || other === undefined) assert.fail("both are sealed");
    for (const each of [block, other])
      await stream.bury(
        { ...each, hostId: host.hostId, hostName: "whole", signer: "" },
        "DELIVERIES_EXHAUSTED",
        "by a test",
        30,
      );
    const [first, second] = await died(host.hostId, 2);
    if (first === undefined || second === undefined) assert.fail("both died");
    assert.deepEqual([first.deliveries, (await show(first.id)).problems], [30, []]);
    const { output, code } = command("dlq", "replay", first.id);
    assert.deepEqual([code, output.startsWith(`${first.id}: stored: `)], [0, true], output);
    await host.publish(stream, other);
    await eventually("the other being stored", 20_000, async () =>
      (await show(second.id)).stored === StoredState.STORED ? true : undefined,
    );
    assert.equal((await replay({ id: second.id, waitMs: 0 })).outcome, Outcome.STORED);
    assert.deepEqual((await list({ hostId: host.hostId })).deadBlocks, []);
    await assert.rejects(replay({ id: first.id, waitMs: 0 }), /no dead block/);
    const arrived = await archive.arrivals.hashesOf([block.id, other.id]);
    assert.deepEqual([arrived.get(block.id), arrived.get(other.id)], [block.headerSha256, other.headerSha256]);
  });

  it("are replayed by two at once and stored once", async () => {
    const host = new PublishingHost("twice");
    const block = host.seal([workedAt(Date.now())]);
    await stream.bury({ ...block, hostId: host.hostId, hostName: "twice", signer: "" }, "DELIVERIES_EXHAUSTED", "", 30);
    const [letter] = await died(host.hostId);
    const id = letter?.id ?? "";
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => replay({ id, waitMs: 20_000 })));
    const stored = outcomes.filter((each) => each.status === "fulfilled" && each.value.outcome === Outcome.STORED);
    const gone = outcomes.filter((each) => each.status === "rejected" && /no dead block/.test(String(each.reason)));
    assert.ok(stored.length >= 1 && stored.length + gone.length === 3, JSON.stringify(outcomes));
    const record = await archive.hosts.getHost(host.hostId);
    assert.deepEqual([record?.trail[0]?.ranges.length, record?.faults.forkedBlocks], [1, 0]);
  });

  it("are dropped with a reason, which is recorded, and the ledger knows them still", async () => {
    const host = new LedgerHost(stream, "dropped", Date.now() - MINUTE_MS);
    const { letter } = await dying(host, 7);
    await host.report(Date.now());
    await eventually("all being stored", 20_000, async () => (await stream.lag()) === 0 || undefined);
    const { hostId } = letter;
    const kinds = async (): Promise<[Kind, bigint][]> =>
      (await ledgerOf(hostId)).reasons.map(({ kind, count }) => [kind, count]);
    assert.deepEqual(await kinds(), [[Kind.DEAD, 7n]]);
    for (const reason of ["", "  ", "x\u0007y", "x".repeat(257)])
      await assert.rejects(drop({ id: letter.id, reason }), /reason is/);
    assert.equal(command("dlq", "drop", letter.id, "--reason", "made by a test").code, 0);
    assert.deepEqual((await list({ hostId })).deadBlocks, []);
    assert.deepEqual(await kinds(), [[Kind.DEAD_DROPPED, 7n]]);
    const audited = stack
      .hosttrail("audit", "--json")
      .split("\n")
      .filter((each) => each.includes("DropDeadBlock"));
    assert.ok(
      audited.some((each) => each.includes("made by a test") && each.includes('"STARTED"')),
      audited.join("\n"),
    );
    assert.ok(audited.some((each) => each.includes("made by a test") && each.includes('"OK"')));
    const [decision] = await archive.deadBlocks.droppedOf([hostId]);
    assert.deepEqual([decision?.why, decision?.caller, decision?.events], ["made by a test", "certificate:dev", 7]);
  });

  it("are counted where they were pushed out, and go page by page", async () => {
    const before = (await list()).pushedOut;
    const host = new PublishingHost("pushing");
    const about = { hostId: host.hostId, hostName: "pushing", signer: "" };
    for (let at = 0; at < KEPT_MAX + 6; at++)
      await stream.bury({ ...host.seal([workedAt(Date.now())]), ...about }, "DELIVERIES_EXHAUSTED", "", 30);
    const all: string[] = [];
    let pageToken = "";
    do {
      const page = await list({ hostId: host.hostId, pageSize: 10, pageToken });
      assert.ok(page.deadBlocks.length <= 10);
      all.push(...page.deadBlocks.map(({ id }) => id));
      assert.equal(page.pushedOut - before, 6n);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    assert.deepEqual([all.length, new Set(all).size], [KEPT_MAX, KEPT_MAX]);
    assert.match(
      command("dlq", "list", "--host", "pushing").errors + command("dlq", "list", "--host", host.hostId).errors,
      /6 more were pushed out/,
    );
  });

  it("are those of the caller's hosts, for whoever has the role", async () => {
    const hostId = hostIdOf("shown");
    const [other] = (await list({ hostId })).deadBlocks;
    const id = other?.id ?? assert.fail("it is there");
    const own = await list({}, scoped);
    assert.deepEqual([own.deadBlocks, own.pushedOut, own.nextPageToken], [[], 0n, ""]);
    assert.deepEqual((await list({ hostId }, scoped)).deadBlocks, []);
    const absent = "999999999";
    const words = (error: unknown): string => String(error).replaceAll(id, "<id>").replaceAll(absent, "<id>");
    for (const ask of [
      (which: string) => show(which, scoped),
      (which: string) => replay({ id: which, waitMs: 0 }, scoped),
      (which: string) => drop({ id: which, reason: "x" }, scoped),
    ]) {
      const [there, never] = await Promise.all([ask(id).catch(words), ask(absent).catch(words)]);
      assert.equal(there, never);
      assert.match(there as string, /NOT_FOUND: no dead block <id>/);
    }
    for (const wrong of ["", "0", "-1", "x", "1e3", "1".repeat(30)]) await assert.rejects(show(wrong), /id is/);
    await assert.rejects(list({ pageToken: "AAAA" }), /page_token/);
    await assert.rejects(list({ hostId: "x" }), /host_id is/);
    await assert.rejects(list({ reason: "a.b" }), /reason is/);
    await assert.rejects(replay({ id, waitMs: 30_001 }), /wait_ms is/);
  });
});

describe("a consumer that somebody has bounded", { timeout: 60_000 }, () => {
  it("is noticed, with the block that it delivers no more", async () => {
    const line = await NatsLine.open(stack.nats.url);
    const [name, stored] = ["bounded-by-a-test", "HOSTTRAIL_BLOCKS_1"];
    const config = {
      durable_name: name,
      ack_policy: "explicit",
      ack_wait: 200_000_000,
      max_deliver: 1,
      deliver_policy: "new",
    };
    line.ask(`$JS.API.CONSUMER.DURABLE.CREATE.${stored}.${name}`, { stream_name: stored, config });
    await eventually("the consumer", 10_000, async () => line.heard.includes(`"name":"${name}"`) || undefined);
    const host = new PublishingHost("bounded");
    const block = host.seal([workedAt(Date.now())]);
    await host.publish(stream, block);
    try {
      const told = await eventually("the word of it", 30_000, async () => {
        // It is taken, and never acknowledged.
        line.ask(`$JS.API.CONSUMER.MSG.NEXT.${stored}.${name}`, { batch: 1, expires: 50_000_000 });
        return /hosttrail_given_up_messages_total\{consumer="bounded-by-a-test"\} (\d+)/.exec(
          await metricsOf(stack),
        )?.[1];
      });
      assert.equal(told, "1");
    } finally {
      line.ask(`$JS.API.CONSUMER.DELETE.${stored}.${name}`, {});
      line.close();
    }
    assert.match(stack.collector.logTail(100), new RegExp(`"block":"${block.id}"`));
  });
});

function workedAt(timeMs: number): Event {
  return Event.fromPartial({ event: { action: "worked", timeUnixNano: BigInt(timeMs) * 1_000_000n } });
}
