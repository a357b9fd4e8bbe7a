/** A broker that loses blocks after they were stored, and before rules were held against them. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import { Archive } from "@hosttrail/collector/mongodb";
import type { Alert } from "@hosttrail/proto/alert";
import { DetectorState } from "@hosttrail/proto/detection";
import { DatabaseHand } from "./databasehand.ts";
import { eventually, openStack } from "./environment.ts";
import { executed, openBlockStream, PublishingHost, type SealedForStream } from "./publisher.ts";
import { askJetStream } from "./rawnats.ts";

const WORD = "passing-word";
const RULE = `title: "${WORD}"\nname: ${WORD}\nlevel: high\nlogsource: {product: linux, category: process_creation}\ndetection: {selection: {CommandLine|contains: "${WORD} "}, condition: selection}\n`;
const DETECT = { roles: ["detect"], detect: { lease_ms: 1000, checkpoint_ms: 300, findings_ms: 500 } };

let stack: Awaited<ReturnType<typeof openStack>>;
let stream: BlockStream;
let archive: Archive;
let detector: Awaited<ReturnType<(typeof stack)["startAnotherCollector"]>>["process"];

before(async () => {
  stack = await openStack({ collector: { roles: ["ingest", "enroll", "store", "compact", "query"] } });
  await stack.startServices();
  await stack.startCollector();
  stream = await openBlockStream(stack);
  archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  const about = { description: "", enabled: true, labels: {}, tags: {}, updateMs: 0, updater: "" };
  await archive.rulesets.putRuleset({ name: "passing", files: [{ path: "rules.yml", text: RULE }], ...about });
  ({ process: detector } = await stack.startAnotherCollector(DETECT));
  // Blocks that come before would not wait for it.
  await eventually("that blocks wait for detection", 60_000, async () => {
    detector.assertRunning();
    await stream.matches.assertConsumer();
    return true;
  });
});
after(async () => {
  await archive.close();
  await stream.close();
  await stack[Symbol.asyncDispose]();
});

async function alertsOf(ruleKey: string, hostId: string): Promise<Alert[]> {
  const query = { startMs: 0, endMs: 8e15, afterId: "", severityMin: 0, ruleset: "", limit: 500 };
  return await archive.alerts.listAlerts({ ...query, ruleKey, hostId });
}

async function countOf(host: PublishingHost): Promise<number> {
  return (await alertsOf(WORD, host.hostId)).reduce((sum, { count }) => sum + Number(count), 0);
}

function sealed(host: PublishingHost, matching: number): SealedForStream {
  const words = [...Array.from({ length: matching }, () => WORD), "nothing"];
  return host.seal(words.map((word) => executed(["/bin/true", word, "x"], BigInt(Date.now()) * 1_000_000n)));
}

/** Publishes a block and waits until it is stored. */
async function publish(host: PublishingHost, matching: number): Promise<void> {
  await host.publish(stream, sealed(host, matching));
  await eventually("that it is stored", 30_000, async () => {
    const newest = await stream.matches.newestBlocks();
    return (await stream.matches.areStored(newest)) || undefined;
  });
}

/** The host is known, and what it sends is looked at. */
async function begun(name: string): Promise<PublishingHost> {
  const host = new PublishingHost(name);
  await publish(host, 1);
  await eventually("the first alert", 60_000, async () => (await countOf(host)) === 1 || undefined);
  await eventually("that it is noted what was looked at", 60_000, async () => {
    const saved = await archive.detector.loadState();
    const { looked, lookedSinceUnixMs } = DetectorState.decode(saved?.bytes ?? new Uint8Array());
    return (lookedSinceUnixMs > 0n && looked.some(({ hostId }) => hostId === host.hostId)) || undefined;
  });
  return host;
}

/** As a broker does that lost its disk: the consumers stay, what waited is gone. */
async function loseBlocks(): Promise<void> {
  const { streams } = await askJetStream(stack.nats.url, "STREAM.NAMES", {});
  for (const name of streams as string[])
    if (name.startsWith("HOSTTRAIL_BLOCKS")) await askJetStream(stack.nats.url, `STREAM.PURGE.${name}`, {});
}

describe("blocks that the broker loses after they were stored", () => {
  it("are looked at where they are stored: their alerts come, each event once", async () => {
    const host = await begun("recovered");
    await detector.kill("SIGKILL");
    await publish(host, 2);
    await publish(host, 0);
    await loseBlocks();
    await publish(host, 3);
    ({ process: detector } = await stack.startAnotherCollector(DETECT));
    await eventually("all alerts", 60_000, async () => (await countOf(host)) === 6 || undefined);
    // Nothing is looked at twice by later rounds.
    await sleep(3000);
    assert.equal(await countOf(host), 6);
    const eventIds = (await alertsOf(WORD, host.hostId)).flatMap(({ eventIds: ids }) => ids);
    assert.equal(new Set(eventIds).size, eventIds.length);
    assert.match(detector.logTail(500), /came past detection and were looked at in history/);
  });

  it("are told of where they cannot be read any more", async () => {
    const host = await begun("unreadable");
    await detector.kill("SIGKILL");
    await publish(host, 2);
    await loseBlocks();
    const hand = await DatabaseHand.open(stack.mongodb.url, stack.database);
    await hand.clear(/block|arrival|segment|catalog|payload/);
    await hand.close();
    ({ process: detector } = await stack.startAnotherCollector(DETECT));
    const [alert] = await eventually("the finding", 60_000, async () => {
      const found = (await alertsOf("finding:detection-gap", host.hostId)).filter(({ title }) => title !== "");
      return found.length > 0 ? found : undefined;
    });
    assert.match(
      alert?.title ?? "",
      /^No rule was held against 3 events of [0-9a-f]{32}, which cannot be read: numbers 2 to 4 of epoch 1$/,
    );
  });
});
