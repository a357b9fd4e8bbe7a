/** Detection on a real NATS and a real database: blocks go into the stream, alerts come out. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import type { RulesetDocument, SuppressionDocument } from "@hosttrail/collector/model";
import { Archive } from "@hosttrail/collector/mongodb";
import { readRules } from "@hosttrail/lib/sigma";
import { type Alert, Severity } from "@hosttrail/proto/alert";
import { eventsOfLog } from "../bench/rules/replay.ts";
import { eventually, openStack } from "./environment.ts";
import { detectionSettled, executed, hostIdOf, openBlockStream, PublishingHost } from "./publisher.ts";

const RULES = new URL("../rules/baseline", import.meta.url).pathname;
const RECORDED = new URL("../rules/recorded", import.meta.url).pathname;

let stack: Awaited<ReturnType<typeof openStack>>;
let stream: BlockStream;
let archive: Archive;

before(async () => {
  stack = await openStack({ collector: { detect: { lease_ms: 5000, checkpoint_ms: 500, findings_ms: 1000 } } });
  await stack.startServices();
  await stack.startCollector();
  stream = await openBlockStream(stack);
  archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
});
after(async () => {
  await archive.close();
  await stream.close();
  await stack[Symbol.asyncDispose]();
});

async function allAlerts(): Promise<Alert[]> {
  const alerts: Alert[] = [];
  for (let afterId = ""; ; ) {
    const page = await archive.alerts.listAlerts({
      startMs: 0,
      endMs: 8e15,
      afterId,
      severityMin: 0,
      ruleKey: "",
      ruleset: "",
      hostId: "",
      limit: 500,
    });
    alerts.push(...page);
    const last = page.at(-1);
    if (last === undefined) return alerts;
    afterId = last.id;
  }
}

async function settled(): Promise<void> {
  await detectionSettled(stream, archive);
}

/** Rules about a word in what is executed, as a ruleset. */
async function putRules(name: string, texts: readonly string[], more: Partial<RulesetDocument> = {}): Promise<void> {
  const files = [{ path: "rules.yml", text: texts.join("---\n") }];
  const about = { description: "", enabled: true, labels: {}, tags: {}, updateMs: 0, updater: "" };
  await archive.rulesets.putRuleset({ name, files, ...about, ...more });
  stream.tellRules();
}

function wordRule(name: string, level = "high"): string {
  return `title: "${name}"\nname: ${name}\nlevel: ${level}\nlogsource: {product: linux, category: process_creation}\ndetection: {selection: {CommandLine|contains: "${name} "}, condition: selection}\n`;
}

/** Publishes events about words until the detector, whose rules are on their way to it, raises an alert of the last. */
async function publishUntil(
  host: PublishingHost,
  words: readonly string[],
  isThere: () => Promise<boolean>,
): Promise<number> {
  return await eventually("that the detector follows", 30_000, async () => {
    for (let times = 1; ; times++) {
      await publishWords(host, words);
      await sleep(300);
      if (await isThere()) return times;
      if (times > 60) return undefined;
    }
  });
}

async function publishWords(host: PublishingHost, words: readonly string[]): Promise<void> {
  const events = words.map((word) => executed(["/bin/true", word, "x"], BigInt(Date.now()) * 1_000_000n));
  await host.publish(stream, host.seal(events));
}

async function alertsOf(ruleKey: string, hostId = ""): Promise<Alert[]> {
  const query = { startMs: 0, endMs: 8e15, afterId: "", severityMin: 0, ruleset: "", limit: 500 };
  return await archive.alerts.listAlerts({ ...query, ruleKey, hostId });
}

async function countOf(ruleKey: string, host: PublishingHost): Promise<number> {
  return (await alertsOf(ruleKey, host.hostId)).reduce((sum, { count }) => sum + Number(count), 0);
}

describe("rules that change", () => {
  it("are held against the next blocks without a restart, and go with their ruleset", async () => {
    const host = new PublishingHost("changing");
    await publishWords(host, ["changing-word"]);
    await settled();
    assert.deepEqual(await alertsOf("changing-word"), []);
    await putRules("changing", [wordRule("changing-word")]);
    await publishUntil(host, ["changing-word"], async () => (await countOf("changing-word", host)) > 0);
    await archive.rulesets.deleteRuleset("changing");
    stream.tellRules();
    await eventually("that the rule is gone", 30_000, async () => {
      await settled();
      const before = await countOf("changing-word", host);
      await publishWords(host, ["changing-word"]);
      await settled();
      return (await countOf("changing-word", host)) === before || undefined;
    });
  });

  it("are for the hosts that their ruleset says", async () => {
    await stack.enroll();
    // The stack's own host has the label env=dev; others have none.
    const [own] = await archive.identities.listIdentities("", 10);
    assert.ok(own !== undefined && own.labels["env"] === "dev");
    await putRules("labelled", [wordRule("labelled-word")], { labels: { env: "dev" } });
    await putRules("everywhere", [wordRule("everywhere-word")]);
    const labelled = new PublishingHost("labelled", 1n, own.hostId);
    const other = new PublishingHost("not labelled");
    const words = ["labelled-word", "everywhere-word"];
    await publishUntil(labelled, words, async () => (await countOf("labelled-word", labelled)) > 0);
    await publishUntil(other, words, async () => (await countOf("everywhere-word", other)) > 0);
    await settled();
    assert.equal(await countOf("labelled-word", other), 0);
  });

  it("alert with the severity that the operator sets", async () => {
    await putRules("severity", [wordRule("severity-word", "low")]);
    await archive.rulesets.putSeverity("severity-word", "critical");
    stream.tellRules();
    const host = new PublishingHost("severity");
    await publishUntil(host, ["severity-word"], async () => {
      const [alert] = await alertsOf("severity-word");
      return alert?.rule?.severity === Severity.CRITICAL;
    });
  });
});

describe("suppressions", () => {
  const suppression = (
    kind: "exception" | "silence",
    id: string,
    more: Partial<SuppressionDocument>,
  ): SuppressionDocument => ({
    id,
    kind,
    owner: "test",
    reason: "known",
    ruleKeys: [],
    hostIds: [],
    labels: {},
    tags: {},
    filter: "",
    createMs: Date.now(),
    expireMs: Date.now() + 3_600_000,
    ...more,
  });

  it("hide matches, count them, and let nothing of it out when they end", async () => {
    await putRules("hidden", [wordRule("hidden-word")]);
    const host = new PublishingHost("hidden");
    const other = new PublishingHost("not hidden");
    await publishUntil(other, ["hidden-word"], async () => (await countOf("hidden-word", other)) > 0);
    const id = `${Date.now().toString(16)}-hidden`;
    await archive.suppressions.insertSuppression(
      suppression("exception", id, {
        ruleKeys: ["hidden-word"],
        hostIds: [host.hostId],
        filter: "process.args : hidden-word",
      }),
    );
    stream.tellRules();
    // Until the detector has read it, what comes is not hidden.
    await sleep(3000);
    for (let at = 0; at < 20; at++) await publishWords(host, ["hidden-word", "hidden-word"]);
    await settled();
    assert.equal(await countOf("hidden-word", host), 0);
    assert.equal((await archive.suppressions.hiddenBy([id])).get(id)?.hidden, 40);
    await archive.suppressions.endSuppression(id, Date.now(), "test");
    stream.tellRules();
    await sleep(3000);
    await settled();
    assert.equal(await countOf("hidden-word", host), 0, "nothing comes out");
    await publishWords(host, ["hidden-word"]);
    await settled();
    assert.equal(await countOf("hidden-word", host), 1, "what comes after it alerts");
  });

  it("that silence let alerts be made, and say so until something comes that they do not cover", async () => {
    await putRules("silent", [wordRule("silent-word")]);
    const host = new PublishingHost("silent");
    const other = new PublishingHost("not silent");
    await publishUntil(other, ["silent-word"], async () => (await countOf("silent-word", other)) > 0);
    const id = `${Date.now().toString(16)}-silent`;
    await archive.suppressions.insertSuppression(suppression("silence", id, { hostIds: [host.hostId] }));
    stream.tellRules();
    await sleep(3000);
    await publishWords(host, ["silent-word"]);
    await settled();
    const [alert] = await alertsOf("silent-word", host.hostId);
    assert.equal(alert?.silencedBy, id);
    await archive.suppressions.endSuppression(id, Date.now(), "test");
    stream.tellRules();
    await sleep(3000);
    await publishWords(host, ["silent-word"]);
    await settled();
    const after = await alertsOf("silent-word", host.hostId);
    assert.equal(after.at(-1)?.silencedBy ?? "none", "");
  });
});

describe("a rule that matches far too much", () => {
  it("makes one alert with an exact count, and keeps the oldest and the newest events", async () => {
    await putRules("noisy", [wordRule("noisy-word")]);
    const first = new PublishingHost("before noise");
    await publishUntil(first, ["noisy-word"], async () => (await countOf("noisy-word", first)) > 0);
    const host = new PublishingHost("noisy");
    const beginNano = BigInt(Math.floor(Date.now() / 3_600_000) * 3_600_000) * 1_000_000n;
    const [blocks, perBlock] = [20, 2000];
    for (let block = 0; block < blocks; block++) {
      const events = Array.from({ length: perBlock }, (_, at) =>
        executed(["/bin/true", "noisy-word", "x"], beginNano + BigInt(block * perBlock + at) * 1000n),
      );
      await host.publish(stream, host.seal(events));
    }
    await settled();
    const alerts = await alertsOf("noisy-word", host.hostId);
    assert.equal(alerts.length, 1);
    assert.equal(alerts[0]?.count, BigInt(blocks * perBlock));
    assert.equal(alerts[0]?.eventIds.length, 50);
  });
});

describe("a database that is away", () => {
  it("costs detection time and no alert", async () => {
    await putRules("away", [wordRule("away-word")]);
    const host = new PublishingHost("away");
    await publishUntil(host, ["away-word"], async () => (await countOf("away-word", host)) > 0);
    await settled();
    const before = await countOf("away-word", host);
    await stack.mongodb.child?.stop();
    for (let at = 0; at < 10; at++) await publishWords(host, ["away-word"]);
    await sleep(8000);
    await stack.mongodb.start();
    await settled();
    assert.equal(await countOf("away-word", host), before + 10);
  });
});

describe("detection that was away for too long", () => {
  it("says from when to when events passed it by", async () => {
    const host = new PublishingHost("unseen");
    await publishWords(host, ["unseen-word"]);
    await settled();
    await stack.collector.stop();
    // As the server does when nobody asked for blocks for detect.away_minutes.
    await stream.matches.endMatching();
    await publishWords(host, ["unseen-word"]);
    await stack.startCollector();
    const alert = await eventually("the finding", 60_000, async () => (await alertsOf("finding:detection-gap"))[0]);
    assert.match(alert.title, /^Events from .* to .* passed detection by$/);
  });
});

describe("the baseline rules through the detector", () => {
  it("alert on what was recorded for them, and not on what must not match", async () => {
    const files = readdirSync(RULES, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".yml"))
      .map((name) => ({ path: name, text: readFileSync(join(RULES, name), "utf8") }));
    const { rules, silent } = readRules(files);
    // Those that only serve a correlation alert through it.
    const alerting = rules.filter((rule) => !silent.has(rule));
    assert.ok(alerting.length >= 80);
    const logs = alerting.flatMap(({ id, name }) =>
      readdirSync(join(RECORDED, name)).map((log) => ({ id, name, log })),
    );
    for (const { name, log } of logs) {
      const host = new PublishingHost(`${name} ${log}`);
      await host.publish(stream, host.seal(eventsOfLog(readFileSync(join(RECORDED, name, log), "latin1"))));
    }
    await settled();
    const found = new Set(
      (await allAlerts()).flatMap(({ rule, hosts }) => hosts.map((host) => `${rule?.key} ${host.id}`)),
    );
    const wrong = logs.filter(({ id, name, log }) => {
      const isFound = found.has(`${id} ${hostIdOf(`${name} ${log}`)}`);
      return isFound !== log.startsWith("match-");
    });
    assert.deepEqual(
      wrong.map(({ name, log }) => `${name} ${log}`),
      [],
    );
  });
});
