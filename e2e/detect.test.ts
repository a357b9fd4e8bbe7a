/** Detection on a real NATS and a real database: blocks go into the stream, alerts come out. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import { Archive } from "@hosttrail/collector/mongodb";
import { readRules } from "@hosttrail/lib/sigma";
import type { Alert } from "@hosttrail/proto/alert";
import { eventsOfLog } from "../bench/rules/replay.ts";
import { eventually, openStack } from "./environment.ts";
import { hostIdOf, openBlockStream, PublishingHost } from "./publisher.ts";

const RULES = new URL("../rules/baseline", import.meta.url).pathname;
const RECORDED = new URL("../rules/recorded", import.meta.url).pathname;

let stack: Awaited<ReturnType<typeof openStack>>;
let stream: BlockStream;
let archive: Archive;

before(async () => {
  stack = await openStack({ collector: { detect: { lease_ms: 5000, checkpoint_ms: 500 } } });
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

/** Waits until all that was published is matched and raised. */
async function settled(): Promise<void> {
  await eventually("detection of all blocks", 120_000, async () => {
    const lag = await stream.matches.lag();
    if (lag > 0) throw new Error(`${lag} blocks are not looked at`);
    const { first, last } = await stream.matches.matchesRange();
    // What was taken is forgotten with the checkpoint.
    if (first <= last) throw new Error(`matches ${first} to ${last} are not in a checkpoint`);
    return true;
  });
}

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
