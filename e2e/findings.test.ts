/**
 * What the collector finds wrong by itself, on a real NATS and a real database: hosts that are silent, trails that are not as they should be, clocks
 * that are off.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import { Archive } from "@hosttrail/collector/mongodb";
import { FLAG_GOING_DOWN, FLAG_GOODBYE } from "@hosttrail/lib/block";
import { type Alert, Severity } from "@hosttrail/proto/alert";
import { Event } from "@hosttrail/proto/event";
import { blockOf } from "./blocks.ts";
import { eventually, openStack } from "./environment.ts";
import { HostStream } from "./hoststream.ts";
import { metricsOf } from "./metrics.ts";
import { openBlockStream, PublishingHost, type SealedForStream } from "./publisher.ts";

const HOUR_MS = 3_600_000;
/** The shortest time after which a host is silent, with what it takes to be sure and to look. */
const SILENT_TIMEOUT_MS = 150_000;
/** The store role waits so long before it tells of a hole. */
const HOLE_GRACE_MS = 60_000;

let stack: Awaited<ReturnType<typeof openStack>>;
let stream: BlockStream;
let archive: Archive;
/** The stack's own host, connected and with nothing to say. */
let idle: HostStream;
let silent: PublishingHost;
let down: PublishingHost;
let revoked: PublishingHost;
let withHole: PublishingHost;
let hole: SealedForStream;
let beganMs: number;

before(async () => {
  stack = await openStack({
    collector: { detect: { lease_ms: 1000, checkpoint_ms: 300, findings_ms: 500, silent_minutes: 1 } },
  });
  await stack.startServices();
  await stack.startCollector();
  await stack.enroll();
  stream = await openBlockStream(stack);
  archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  beganMs = Date.now();
  idle = new HostStream(stack, stack.host);
  idle.hello(stack.hostId);
  await idle.answer("welcome");
  idle.block(blockOf(stack.host.keyFile, { hostId: stack.hostId, epoch: 1n, firstSeq: 0n }, [{ action: "x" }]).bytes);
  [silent, down, revoked, withHole] = ["silent-1", "down-1", "revoked-1", "hole-1"].map(
    (name) => new PublishingHost(name),
  ) as [PublishingHost, PublishingHost, PublishingHost, PublishingHost];
  await send(silent);
  await send(down);
  await down.publish(stream, down.seal([event("stopped-agent")], FLAG_GOODBYE | FLAG_GOING_DOWN));
  await archive.identities.insertIdentity({
    hostId: revoked.hostId,
    hostName: "revoked-1",
    labels: {},
    proof: "token:x",
    keyFingerprint: "x",
    enrollMs: beganMs,
    expireMs: 0,
    revokeMs: 0,
    revokeReason: "",
    boots: [],
    clonedBoots: [],
  });
  await send(revoked);
  await archive.identities.revokeIdentity(revoked.hostId, Date.now(), "decommissioned");
  await send(withHole);
  hole = withHole.seal([event("one"), event("two"), event("three")]);
  await send(withHole);
});
after(async () => {
  idle.close();
  await archive.close();
  await stream.close();
  await stack[Symbol.asyncDispose]();
});

function event(action: string): Event {
  return Event.fromPartial({ event: { action, timeUnixNano: BigInt(Date.now()) * 1_000_000n } });
}

async function send(host: PublishingHost, clockOffsetMs = 0): Promise<void> {
  await host.publish(stream, host.seal([event("something")]), clockOffsetMs);
}

async function alertsOf(kind: string): Promise<Alert[]> {
  return await archive.alerts.listAlerts({
    startMs: 0,
    endMs: 8e15,
    afterId: "",
    severityMin: 0,
    ruleKey: `finding:${kind}`,
    ruleset: "",
    hostId: "",
    limit: 100,
  });
}

async function alertOf(kind: string, { hostId }: PublishingHost, timeoutMs = 20_000): Promise<Alert> {
  return await eventually(`the alert of ${kind}`, timeoutMs, async () =>
    (await alertsOf(kind)).find(({ hosts }) => hosts[0]?.id === hostId),
  );
}

async function closedAs(id: string): Promise<string> {
  return (await archive.alertWork.getWork(id)).closeReason;
}

async function withdrawn(id: string): Promise<string> {
  return await eventually("the alert being withdrawn", 20_000, async () => {
    const { state, closeReason, closeText } = await archive.alertWork.getWork(id);
    return state === "closed" && closeReason === "withdrawn" ? closeText : undefined;
  });
}

describe("a trail that is not as it should be", () => {
  it("is found forked, broken, with impossible times and not stored, once for all of an hour", async () => {
    const [one, other] = [new PublishingHost("fork-1"), new PublishingHost("fork-1")];
    await send(one);
    await sleep(5);
    await send(other);
    const forked = await alertOf("trail-forked", one);
    assert.equal(forked.title, "Trail of fork-1 forked: 1 block with numbers of others");
    assert.equal(forked.rule?.severity, Severity.HIGH);
    assert.equal(forked.rule.kind, "finding");
    assert.deepEqual(forked.group, [{ field: "host.id", value: one.hostId }]);
    await send(new PublishingHost("fork-1"));
    await eventually("the second fork's title", 20_000, async () => {
      const { id, title } = await alertOf("trail-forked", one);
      // At the turn of an hour it is another one.
      return id !== forked.id || title.includes("2 blocks") || undefined;
    });

    const broken = new PublishingHost("broken-1");
    await send(broken);
    const rewritten = new PublishingHost("broken-1");
    // The same numbers, and then one more block that names them as those before it.
    rewritten.seal([event("in its place")]);
    await send(rewritten);
    assert.match((await alertOf("trail-broken", broken)).title, /^Trail of broken-1 broken: 1 link /);

    const past = new PublishingHost("past-1");
    const old = event("old");
    if (old.event !== undefined) old.event.timeUnixNano = 1_000_000n;
    await past.publish(stream, past.seal([old]));
    assert.equal((await alertOf("trail-outside", past)).title, "1 block of past-1 with impossible times");

    const damaged = new PublishingHost("damaged-1");
    await send(damaged);
    const block = damaged.seal([event("damaged")]);
    const bytes = block.bytes.slice();
    bytes.fill(0xff, -8);
    await damaged.publish(stream, { ...block, bytes });
    assert.equal((await alertOf("blocks-dead", damaged)).title, "1 block of damaged-1 not stored");
    // It happened: nothing is ever over of it.
    for (const kind of ["trail-forked", "trail-broken", "trail-outside", "blocks-dead"])
      for (const { id } of await alertsOf(kind)) assert.equal(await closedAs(id), "");
  });
});

describe("a clock that is off", () => {
  it("is found, over when it is right, and found again", async () => {
    const host = new PublishingHost("clock-1");
    await send(host, 90_000);
    const alert = await alertOf("clock-off", host);
    assert.equal(alert.title, "Clock of clock-1 is off by +90 s");
    assert.equal(alert.rule?.severity, Severity.LOW);
    await send(host, 20);
    assert.equal(await withdrawn(alert.id), "it is over");
    await send(host, -60_000);
    await eventually("another alert", 20_000, async () =>
      (await alertsOf("clock-off")).find(({ id, hosts }) => id !== alert.id && hosts[0]?.id === host.hostId),
    );
  });
});

describe("what the operator decides of findings", () => {
  it("hides them by an exception, keeps them from being told by a silence, and switches kinds off or makes them worse", async () => {
    const [excepted, silenced, worse] = ["except-1", "silence-1", "worse-1"].map(
      (name) => new PublishingHost(name),
    ) as [PublishingHost, PublishingHost, PublishingHost];
    const about = { owner: "o", reason: "r", ruleKeys: [], labels: {}, tags: {}, filter: "", createMs: Date.now() };
    const suppression = { ...about, expireMs: Date.now() + HOUR_MS };
    await archive.suppressions.insertSuppression({
      ...suppression,
      id: "exception-1",
      kind: "exception",
      hostIds: [excepted.hostId],
    });
    await archive.suppressions.insertSuppression({
      ...suppression,
      id: "silence-1",
      kind: "silence",
      hostIds: [silenced.hostId],
    });
    stack.hosttrail("rules", "severity", "finding:clock-off", "critical");
    // The detector looks for changes each two seconds.
    await sleep(3000);
    for (const host of [excepted, silenced, worse]) await send(host, 70_000);
    assert.equal((await alertOf("clock-off", worse)).rule?.severity, Severity.CRITICAL);
    assert.equal((await alertOf("clock-off", silenced)).silencedBy, "silence-1");
    await sleep(1500);
    assert.ok((await alertsOf("clock-off")).every(({ hosts }) => hosts[0]?.id !== excepted.hostId));
    const counts = await eventually("what was hidden being counted", 20_000, async () => {
      const hidden = await archive.suppressions.hiddenBy(["exception-1", "silence-1"]);
      return hidden.size === 2 ? hidden : undefined;
    });
    assert.deepEqual(
      ["exception-1", "silence-1"].map((id) => counts.get(id)?.hidden),
      [1, 1],
    );
    stack.hosttrail("rules", "disable", "finding:clock-off");
    const alert = await alertOf("clock-off", worse);
    assert.equal(await withdrawn(alert.id), "findings of this kind are switched off");
    assert.match(stack.hosttrail("rules", "show", "finding:clock-off"), /Clock of a host is off/);
    stack.hosttrail("rules", "enable", "finding:clock-off");
    await eventually("the alert being open again", 20_000, async () =>
      (await archive.alertWork.getWork(alert.id)).state === "open" ? true : undefined,
    );
  });
});

describe("events that are missing", () => {
  it("are found when they had time to come, and it is over when they came", async () => {
    await sleep(Math.max(0, beganMs + HOLE_GRACE_MS + 2000 - Date.now()));
    await send(withHole);
    const alert = await alertOf("trail-missing", withHole);
    assert.equal(alert.title, "3 events of hole-1 are missing");
    await withHole.publish(stream, hole);
    assert.equal(await withdrawn(alert.id), "it is over");
  });
});

describe("a host that is silent", () => {
  let first: Alert;

  it("is found, but none that is connected, went down in order, or was revoked", async () => {
    first = await alertOf("host-silent", silent, SILENT_TIMEOUT_MS);
    assert.match(first.title, /^silent-1 is silent since \d{4}-\d\d-\d\d \d\d:\d\d UTC$/);
    assert.equal(first.rule?.severity, Severity.HIGH);
    const names = (await alertsOf("host-silent")).flatMap(({ hosts }) => hosts.map(({ id }) => id));
    for (const hostId of [down.hostId, revoked.hostId, stack.hostId]) assert.ok(!names.includes(hostId), hostId);
    assert.match(await metricsOf(stack), /^hosttrail_findings\{kind="host-silent"\} [1-9]/m);
  });

  it("stays the same alert when the collector is started again", async () => {
    await stack.collector.stop();
    await stack.startCollector();
    await eventually(
      "the detector's work",
      30_000,
      async () => /^hosttrail_raise_active 1$/m.test(await metricsOf(stack)) || undefined,
    );
    // It looks a few times.
    await sleep(3000);
    assert.equal(await closedAs(first.id), "");
    const own = (await alertsOf("host-silent")).filter(({ hosts }) => hosts[0]?.id === silent.hostId);
    assert.deepEqual(
      own.map(({ id }) => id),
      [first.id],
    );
  });

  it("is so no more as soon as it is back", async () => {
    await send(silent);
    assert.equal(await withdrawn(first.id), "it is over");
  });
});

describe("the disk of the trail", () => {
  it("is not known of a database that does not tell, and its samples are kept as they were taken", async () => {
    const told = await archive.disk.readDisk();
    // MongoDB tells; FerretDB does not.
    if (told !== undefined) assert.ok(told.usedBytes > 0 && told.totalBytes >= told.usedBytes);
    const sample = (timeMs: number) => ({ timeMs, usedBytes: 3 * 2 ** 40, totalBytes: 2 ** 42 });
    for (const timeMs of [3000, 1000, 2000, 2000]) await archive.disk.addSample(sample(beganMs + timeMs));
    const own = async (sinceMs: number): Promise<number[]> =>
      (await archive.disk.samplesSince(sinceMs))
        .filter(({ totalBytes }) => totalBytes === 2 ** 42)
        .map(({ timeMs }) => timeMs - beganMs);
    assert.deepEqual(await own(0), [1000, 2000, 3000]);
    assert.deepEqual(await own(beganMs + 1500), [2000, 3000]);
    assert.deepEqual(await own(0), [2000, 3000], "what is older was removed");
  });
});
