/** What operators decide reaches the detector: rulesets, settings of rules, exceptions and silences, by the API and on real events. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import { Archive } from "@hosttrail/collector/mongodb";
import {
  type Alert,
  type AlertServiceClient,
  CreateSuppressionRequest,
  ListAlertsRequest,
  type ListAlertsResponse,
  ListSuppressionsRequest,
  type ListSuppressionsResponse,
  Severity,
  Suppression,
  Suppression_Kind as Kind,
} from "@hosttrail/proto/alert";
import { Event } from "@hosttrail/proto/event";
import { PutRulesetRequest, Ruleset, type RuleServiceClient, UpdateRuleRequest } from "@hosttrail/proto/rule";
import { alertClient, ask, putRuleset, ruleClient } from "./alerting.ts";
import { eventually, openStack } from "./environment.ts";
import { openBlockStream, PublishingHost } from "./publisher.ts";

let stack: Awaited<ReturnType<typeof openStack>>;
let stream: BlockStream;
let archive: Archive;
let alerts: AlertServiceClient;
let rules: RuleServiceClient;

/** A rule for each program: what is decided of one is nothing to the others. */
const PROGRAMS = ["plain", "louder", "muted", "except", "silent", "labelled"];

before(async () => {
  stack = await openStack({ collector: { detect: { lease_ms: 1000, checkpoint_ms: 500 } } });
  await stack.startServices();
  await stack.startCollector();
  stream = await openBlockStream(stack);
  archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  alerts = alertClient(stack);
  rules = ruleClient(stack);
  await put("own", PROGRAMS.slice(0, -1));
});
after(async () => {
  // Where it did not begin, what has begun must still end.
  for (const client of [alerts, rules] as ({ close: () => void } | undefined)[]) client?.close();
  await (archive as Archive | undefined)?.close();
  await (stream as BlockStream | undefined)?.close();
  await stack[Symbol.asyncDispose]();
});

async function put(name: string, programs: readonly string[], labels: Record<string, string> = {}): Promise<void> {
  const files = programs.map((program) => ({
    path: `${program}.yml`,
    text: `title: Program ${program}
name: ${program}
level: medium
logsource: {product: linux, category: process_creation}
detection:
  selection: {Image|endswith: /${program}}
  condition: selection
`,
  }));
  const ruleset = Ruleset.fromPartial({ name, enabled: true, labels, files });
  await putRuleset(rules, PutRulesetRequest.fromPartial({ ruleset }));
}

const now = (): bigint => BigInt(Date.now()) * 1_000_000n;

/** A program runs on a host. */
async function runs(host: PublishingHost, program: string, argument = ""): Promise<void> {
  const event = Event.fromPartial({
    event: {
      timeUnixNano: now(),
      kind: "event",
      category: ["process"],
      type: ["start"],
      action: "executed",
      outcome: "success",
    },
    process: { pid: 7, name: program, executable: `/opt/${program}`, args: [program, argument] },
    audit: { serial: 1, records: [{ type: 1300, typeName: "SYSCALL" }] },
  });
  await host.publish(stream, host.seal([event]));
}

async function found(ruleKey: string): Promise<Alert[]> {
  const request = ListAlertsRequest.fromPartial({ ruleKey });
  return (await ask<ListAlertsResponse>((done) => alerts.listAlerts(request, done))).alerts;
}

async function alertOn(ruleKey: string, host: PublishingHost): Promise<Alert> {
  return await eventually(`an alert of ${ruleKey}`, 30_000, async () =>
    (await found(ruleKey)).find(({ hosts }) => hosts.some(({ id }) => id === host.hostId)),
  );
}

let markers = 0;

/** Waits until all that was published before is raised: what comes after it alerted. */
async function settled(): Promise<void> {
  const host = new PublishingHost(`marker ${++markers}`);
  await runs(host, "plain");
  await alertOn("plain", host);
}

/** Gives the detector, which looks every two seconds where it misses the word, time to know: the marker's rule decides nothing. */
async function known(isKnown: () => Promise<boolean>): Promise<void> {
  await eventually("the detector's knowledge of it", 30_000, async () => (await isKnown()) || undefined);
}

async function hide(about: Partial<Suppression>): Promise<Suppression> {
  const expireTime = { seconds: BigInt(Math.floor(Date.now() / 1000) + 3600), nanos: 0 };
  const suppression = Suppression.fromPartial({ reason: "for tests", expireTime, ...about });
  return await ask((done) => alerts.createSuppression(CreateSuppressionRequest.fromPartial({ suppression }), done));
}

async function hiddenBy(id: string): Promise<bigint> {
  const request = ListSuppressionsRequest.create();
  const { suppressions } = await ask<ListSuppressionsResponse>((done) => alerts.listSuppressions(request, done));
  return suppressions.find((each) => each.id === id)?.hidden ?? 0n;
}

describe("what operators decide", () => {
  it("makes alerts by a ruleset of their own, with the events", async () => {
    const host = new PublishingHost("plain host");
    await eventually("an alert of the new ruleset", 30_000, async () => {
      await runs(host, "plain", "x");
      return (await found("plain")).length > 0 || undefined;
    });
    const { id, rule, title } = await alertOn("plain", host);
    assert.deepEqual([rule?.ruleset, rule?.severity, title], ["own", Severity.MEDIUM, "Program plain"]);
    const whole = await ask<Alert>((done) => alerts.getAlert({ id }, done));
    assert.equal(whole.events[0]?.process?.executable, "/opt/plain");
  });

  it("sets how bad a rule is, and switches one off", async () => {
    const update = (request: Partial<UpdateRuleRequest>): Promise<unknown> =>
      ask((done) => rules.updateRule(UpdateRuleRequest.fromPartial(request), done));
    await update({ key: "muted", enabled: false });
    await update({ key: "louder", severity: Severity.CRITICAL });
    let tries = 0;
    // Both were decided one after the other, so who knows the second knows the first.
    await known(async () => {
      const host = new PublishingHost(`louder ${++tries}`);
      await runs(host, "louder");
      return (await alertOn("louder", host)).rule?.severity === Severity.CRITICAL;
    });
    await runs(new PublishingHost("muted host"), "muted");
    await settled();
    assert.deepEqual(await found("muted"), []);
  });

  it("hides matches by an exception, counts them, and alerts again when it is ended", async () => {
    const { id } = await hide({ kind: Kind.EXCEPTION, ruleKeys: ["except"], filter: 'process.args = "backup"' });
    const host = new PublishingHost("excepted host");
    await known(async () => {
      await runs(host, "except", "backup");
      return (await hiddenBy(id)) > 0n;
    });
    // Those before it was known may have alerted; from now on none does.
    const before = await found("except");
    const other = new PublishingHost("another host");
    await runs(other, "except", "backup");
    await settled();
    assert.equal((await found("except")).length, before.length);
    await runs(other, "except", "attack");
    assert.equal((await alertOn("except", other)).count, 1n);
    await ask((done) => alerts.expireSuppression({ id }, done));
    let tries = 0;
    await known(async () => {
      const late = new PublishingHost(`late host ${++tries}`);
      await runs(late, "except", "backup");
      await settled();
      return (await found("except")).some(({ hosts }) => hosts[0]?.id === late.hostId);
    });
  });

  it("makes alerts that nobody is told of by a silence, and names it", async () => {
    const { id } = await hide({ kind: Kind.SILENCE, ruleKeys: ["silent"] });
    let tries = 0;
    await known(async () => {
      const host = new PublishingHost(`silent host ${++tries}`);
      await runs(host, "silent");
      return (await alertOn("silent", host)).silencedBy === id;
    });
    await known(async () => (await hiddenBy(id)) > 0n);
  });

  it("binds a ruleset to hosts by their labels", async () => {
    const [inside, outside] = [new PublishingHost("labelled host"), new PublishingHost("host without a label")];
    const about = {
      hostName: "h",
      proof: "p",
      enrollMs: 1,
      expireMs: 0,
      revokeMs: 0,
      revokeReason: "",
      boots: [],
      clonedBoots: [],
    };
    for (const [{ hostId }, labels] of [
      [inside, { tier: "web" }],
      [outside, { tier: "db" }],
    ] as const) {
      await archive.identities.insertIdentity({ ...about, hostId, labels, keyFingerprint: hostId });
    }
    await put("bound", ["labelled"], { tier: "web" });
    await known(async () => {
      await runs(outside, "labelled");
      await runs(inside, "labelled");
      return (await found("labelled")).length > 0;
    });
    await runs(outside, "labelled");
    await settled();
    const hosts = (await found("labelled")).flatMap((alert) => alert.hosts.map(({ id }) => id));
    assert.deepEqual([...new Set(hosts)], [inside.hostId]);
  });
});
