/** Rules tried on stored history: the baseline on what a real kernel said while its commands ran, by the API and by the command line. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { status } from "@grpc/grpc-js";
import { compactArchive, historySource } from "@hosttrail/collector/archives";
import { Compactor } from "@hosttrail/collector/compact";
import { History } from "@hosttrail/collector/history";
import { BlockStream } from "@hosttrail/collector/jetstream";
import { Archive } from "@hosttrail/collector/mongodb";
import { ColumnBlock, encodeColumns, eventId, sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { RuleSet } from "@hosttrail/lib/detect";
import { openLogger } from "@hosttrail/lib/log";
import { type DetectionRule, readRules, ruleKey, type RuleFile } from "@hosttrail/lib/sigma";
import { Event } from "@hosttrail/proto/event";
import { RuleServiceClient, type TestedRule, TestRulesRequest, type TestRulesResponse } from "@hosttrail/proto/rule";
import type { Identity } from "@hosttrail/stack";
import { eventsOfLog } from "../bench/rules/replay.ts";
import { credentialsOf, eventually, openStack } from "./environment.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const RULES = join(ROOT, "rules/baseline");
const RECORDED = join(ROOT, "rules/recorded");
const CLI = join(ROOT, "cli/src/main.ts");
const EPOCH = 1n;
const DAY_MS = 86_400_000;
/** Yesterday, at noon, so that all is of one day. */
const START_NANO = BigInt(Date.now() - (Date.now() % DAY_MS) - DAY_MS / 2) * 1_000_000n;
const logger = openLogger("test", "error");
const sign = signerOf(generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString());
const folder = mkdtempSync(join(tmpdir(), "hosttrail-hunt-"));

const files: RuleFile[] = readdirSync(RULES, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".yml"))
  .sort()
  .map((path) => ({ path, text: readFileSync(join(RULES, path), "utf8") }));
const collection = readRules(files);
const detections = collection.rules.flatMap((rule) => (rule.kind === "detection" ? [rule] : []));
const ruleSet = new RuleSet(detections);

let stack: Awaited<ReturnType<typeof openStack>>;
let stream: BlockStream;
let archive: Archive;
let compactor: Compactor;
/** What was recorded for each rule, as events of a host of its own. */
const recorded = new Map<DetectionRule, { hostId: string; events: Event[] }>();

/** What was recorded, as if it had happened yesterday. */
function eventsOf(rule: DetectionRule, hostId: string): Event[] {
  const logs = readdirSync(join(RECORDED, rule.name)).filter((log) => log.startsWith("match-"));
  return logs
    .flatMap((log) => eventsOfLog(readFileSync(join(RECORDED, rule.name, log), "latin1")))
    .map((event, at) => {
      const timeUnixNano = START_NANO + BigInt(at) * 1_000_000n;
      return Event.fromPartial({
        ...event,
        event: { ...event.event, timeUnixNano },
        host: { ...event.host, id: hostId, name: rule.name },
      });
    });
}

async function publish(hostId: string, events: readonly Event[]): Promise<void> {
  const about = { hostId, epoch: EPOCH, firstSeq: 0n, bootId: "", agentVersion: "0", flags: 0 };
  const previousHeaderSha256 = new Uint8Array(0);
  const { bytes, headerSha256 } = sealBlock(events, { ...about, previousHeaderSha256 }, nodePrimitives, sign);
  const hash = Buffer.from(headerSha256).toString("hex");
  const id = eventId(hostId, EPOCH, 0n);
  await stream.publish({ id, hostId, hostName: "h", signer: "", headerSha256: hash, bytes });
}

before(async () => {
  // The collector's own step is asleep: the test has a compactor of its own.
  const compact = { turn_ms: 600_000, age_ms: 3_600_000, blocks_min: 16_384 };
  const bindings = [
    { subject: "certificate:dev", role: "admin" },
    { subject: "certificate:within", role: "viewer", scope: { env: "dev" } },
    { subject: "certificate:beside", role: "viewer", scope: { env: "other" } },
  ];
  // What is damaged in the database is to be found there, and not in the memory of before.
  const query = { cache_bytes: 0 };
  stack = await openStack({ collector: { compact, query, access: { bindings } } });
  await stack.startServices();
  await stack.startCollector();
  await stack.enroll();
  const nats = { servers: [stack.nats.url], credentials: "", publishTimeoutMs: 5000, replicas: 1 };
  stream = await BlockStream.open({ ...nats, streamBytesMax: 4096 * 1024 * 1024, ackWaitMs: 30_000 }, logger);
  archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  const history = new History(historySource(archive));
  const options = { turnMs: 50, ageMs: 0, blocksMin: 1 };
  compactor = new Compactor(compactArchive(archive), history, archive.hosts, options, logger);
  for (const [at, rule] of detections.entries()) {
    const named = createHash("sha256").update(rule.name).digest("hex").slice(0, 32);
    // One of them is a host that has enrolled, and so has labels.
    const hostId = at === 0 ? stack.hostId : named;
    const events = eventsOf(rule, hostId);
    recorded.set(rule, { hostId, events });
    await publish(hostId, events);
  }
  const hostIds = [...recorded.values()].map(({ hostId }) => hostId);
  await eventually("all blocks being stored", 120_000, async () => {
    const hosts = await archive.hosts.getHosts(hostIds);
    return hostIds.every((hostId) => hosts.get(hostId)?.host.trail.length === 1) || undefined;
  });
});
after(async () => {
  rmSync(folder, { recursive: true });
  for (const part of [compactor, archive, stream] as ({ close: () => Promise<void> } | undefined)[])
    await part?.close();
  await (stack as typeof stack | undefined)?.[Symbol.asyncDispose]();
});

type Answer = Pick<TestRulesResponse, "problems" | "unreadable"> & {
  found: TestedRule[];
  scanned: bigint;
  messages: number;
};

/** All messages, and their sum. */
function tryRules(request: Partial<TestRulesRequest>, identity: Identity = stack.user): Promise<Answer> {
  const client = new RuleServiceClient(`localhost:${stack.queryPort}`, credentialsOf(stack, identity));
  return new Promise<Answer>((resolve, reject) => {
    const answer: Answer = { found: [], problems: [], unreadable: [], scanned: 0n, messages: 0 };
    const call = client.testRules();
    let isDone = false;
    call.on("data", ({ found, problems, unreadable, eventsScanned, done }: TestRulesResponse) => {
      answer.found.push(...found);
      answer.problems.push(...problems);
      answer.unreadable.push(...unreadable);
      answer.scanned = eventsScanned;
      answer.messages++;
      isDone ||= done;
    });
    call.on("error", reject);
    call.on("end", () => (isDone ? resolve(answer) : reject(new Error("not done"))));
    const { files: asked = files, ...rest } = request;
    const startTime = { seconds: START_NANO / 1_000_000_000n, nanos: 0 };
    call.write(TestRulesRequest.fromPartial({ startTime, ...rest, files: asked.slice(0, 1) }));
    for (const file of asked.slice(1)) call.write(TestRulesRequest.fromPartial({ files: [file] }));
    call.end();
  }).finally(() => client.close());
}

/** Sums by rule, host and day. */
function rowsOf(found: readonly TestedRule[]): string[] {
  const sums = new Map<string, { matches: bigint; alerts: bigint }>();
  for (const { ruleKey: key, hostId, day, matches, alerts } of found) {
    const name = `${key} ${hostId} ${day}`;
    const known = sums.get(name) ?? { matches: 0n, alerts: 0n };
    sums.set(name, { matches: known.matches + matches, alerts: known.alerts + alerts });
  }
  return Array.from(sums, ([name, { matches, alerts }]) => `${name}: ${matches} matches, ${alerts} alerts`).sort();
}

/** The same by the rule set itself, over the events as they were before they were sent. */
function expectedOf(hosts?: ReadonlySet<string>): string[] {
  const day = new Date(Number(START_NANO / 1_000_000n)).toISOString().slice(0, 10);
  const rows: string[] = [];
  for (const { hostId, events } of recorded.values()) {
    if (hosts?.has(hostId) === false) continue;
    const block = new ColumnBlock(encodeColumns(events), { hostId, epoch: EPOCH, firstSeq: 0n });
    for (const [rule, matches] of Map.groupBy(ruleSet.match(block), (match) => match.rule)) {
      const alerts = collection.silent.has(rule) ? 0 : 1;
      rows.push(`${ruleKey(rule)} ${hostId} ${day}: ${matches.length} matches, ${alerts} alerts`);
    }
  }
  return rows.sort();
}

function hosttrail(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const command = [CLI, "--profile", stack.profileFile, ...args];
    execFile(process.execPath, command, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr }),
    );
  });
}

describe("rules that are tried on history", { timeout: 600_000 }, () => {
  it("are each found on what was recorded for them, on arrivals and on segments alike", async () => {
    for (const [rule, { hostId }] of recorded) {
      const own = expectedOf(new Set([hostId])).some((row) => row.startsWith(`${ruleKey(rule)} `));
      assert.ok(own, `${rule.name} matches what was recorded for it`);
    }
    const expected = expectedOf();
    assert.ok(expected.length >= detections.length);
    const arrived = await tryRules({});
    assert.deepEqual(rowsOf(arrived.found), expected);
    const events = [...recorded.values()].reduce((sum, each) => sum + each.events.length, 0);
    assert.equal(arrived.scanned, BigInt(events));
    assert.deepEqual(arrived.unreadable, []);
    for (const { found } of [arrived])
      for (const { hostId, eventIds } of found)
        assert.ok(eventIds.length <= 5 && eventIds.every((id) => id.startsWith(`${hostId}-`)));
    // Correlations are told of, since they are not held against history.
    const correlations = collection.rules.length - detections.length;
    assert.equal(arrived.problems.filter(({ message }) => message.startsWith("a correlation")).length, correlations);
    while (await compactor.compactWaiting()) continue;
    const { arrivals } = await archive.arrivals.waiting("", { blocksMax: 10, bytesMax: 1 << 20 });
    assert.deepEqual(arrivals, []);
    assert.deepEqual(rowsOf((await tryRules({})).found), expected);
  });

  it("see the hosts of the caller alone, and the one that is asked for", async () => {
    const [within, beside] = await Promise.all([stack.ca.user("within"), stack.ca.user("beside")]);
    const own = expectedOf(new Set([stack.hostId]));
    assert.ok(own.length > 0);
    const seen = await tryRules({}, within);
    assert.deepEqual(rowsOf(seen.found), own);
    assert.equal(seen.scanned, BigInt(recorded.get(detections[0] as DetectionRule)?.events.length ?? 0));
    const nothing = await tryRules({}, beside);
    assert.deepEqual([nothing.found, nothing.scanned], [[], 0n]);
    const other = [...recorded.values()][1]?.hostId ?? "";
    assert.deepEqual((await tryRules({ hostId: other }, within)).found, []);
    assert.deepEqual(rowsOf((await tryRules({ hostId: other })).found), expectedOf(new Set([other])));
  });

  it("see the time that is asked for", async () => {
    const endTime = { seconds: START_NANO / 1_000_000_000n, nanos: 0 };
    const startTime = { seconds: endTime.seconds - 3600n, nanos: 0 };
    assert.deepEqual((await tryRules({ startTime, endTime })).found, []);
    const wrong = [
      [{ startTime: endTime, endTime: startTime }, /start_time/],
      [{ hostId: "zz" }, /host_id is "zz"/],
      [{ files: [{ path: "", text: "" }] }, /files\.path/],
    ] as const;
    for (const [request, message] of wrong)
      await assert.rejects(
        tryRules({ ...request, files: [...("files" in request ? request.files : files)] }),
        (error: Error & { code?: status }) => {
          assert.equal(error.code, status.INVALID_ARGUMENT);
          assert.match(error.message, message);
          return true;
        },
      );
  });

  it("are refused where two are under way, and make room where the caller goes away", async () => {
    const tried = await Promise.allSettled(Array.from({ length: 6 }, () => tryRules({})));
    const refused = tried.flatMap((each) =>
      each.status === "rejected" ? [each.reason as Error & { code: status }] : [],
    );
    assert.ok(refused.length > 0 && refused.length < tried.length, `${refused.length} refused`);
    for (const error of refused) {
      assert.equal(error.code, status.RESOURCE_EXHAUSTED);
      assert.match(error.message, /2 trials of rules are running/);
    }
    const client = new RuleServiceClient(`localhost:${stack.queryPort}`, credentialsOf(stack, stack.user));
    for (let round = 0; round < 3; round++) {
      const call = client.testRules();
      const begun = once(call, "data");
      for (const file of files) call.write(TestRulesRequest.fromPartial({ files: [file] }));
      call.end();
      await begun;
      const ended = once(call, "error");
      call.cancel();
      await ended;
    }
    client.close();
    await eventually("room for the next one", 20_000, async () => (await tryRules({})).messages > 0 || undefined);
  });
});

describe("hosttrail rules test", { timeout: 300_000 }, () => {
  const [first] = detections;

  it("prints matches by rule, host and day, and holds them against what is expected", async () => {
    const path = join(RULES, first?.file ?? "");
    const expect = join(folder, "expect.yml");
    const junit = join(folder, "junit.xml");
    writeFileSync(expect, `rules: [{ rule: ${first?.name}, min: 1, hosts: [${stack.hostId}] }]\n`);
    const met = await hosttrail("rules", "test", path, "--since", "2d", "--expect", expect, "--junit", junit);
    assert.equal(met.code, 0, met.stderr);
    assert.match(met.stdout, /^RULE +HOST +DAY +MATCHES +ALERTS +FOR EXAMPLE\n/);
    assert.ok(met.stdout.includes(stack.hostId));
    assert.match(
      met.stdout,
      /\n\d+ matches of 1 rules on \d+ hosts and 1 days, which would have made \d+ alerts; \d+ events/,
    );
    assert.match(readFileSync(junit, "utf8"), /<testsuites tests="1" failures="0" errors="0"/);
    writeFileSync(expect, `rules: [{ rule: ${first?.name}, max: 0 }]\n`);
    const missed = await hosttrail(
      "rules",
      "test",
      path,
      "--since",
      "2d",
      "--expect",
      expect,
      "--junit",
      junit,
      "--json",
    );
    assert.equal(missed.code, 1);
    const lines = missed.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.ok(lines.some((line) => line["ruleKey"] === first?.id && line["hostId"] === stack.hostId));
    assert.match(readFileSync(junit, "utf8"), /<failure message="\d+ matches on \d+ hosts, at most 0 are expected"/);
  });

  it("says what is wrong with rules, and ends with 1", async () => {
    const path = join(folder, "wrong.yml");
    writeFileSync(path, "title: wrong\nlogsource: {product: linux}\ndetection: {s: {a|contians: b}, condition: s}\n");
    const { code, stdout } = await hosttrail("rules", "test", path);
    assert.equal(code, 1);
    assert.match(stdout, /^rejected {2}.*wrong\.yml:3 {2}unknown modifier "contians"/);
  });

  it("counts what audit rules cost, for the fewest that feed the rules", async () => {
    // What was recorded was made by rules with this key.
    const given = join(folder, "given.rules");
    writeFileSync(given, "-a always,exit -S all -k recorded\n-a always,exit -S listen -k nobody\n");
    const path = join(RULES, first?.file ?? "");
    const asked = ["rules", "audit", path, "--audit-rules", given, "--since", "3d"];
    const { code, stdout, stderr } = await hosttrail(...asked, "--json");
    assert.equal(code, 0, stderr);
    const { cost, ...line } = JSON.parse(stdout.split("\n")[0] ?? "") as {
      keys: string[];
      cost: { eventsPerHour: number; hosts: number; bytesPerEvent: number };
    };
    assert.deepEqual(line.keys, ["recorded"]);
    const counts = [...recorded.values()].map(
      ({ events }) => events.filter((event) => event.audit?.keys.includes("recorded")).length,
    );
    const events = counts.reduce((sum, count) => sum + count, 0);
    assert.ok(events > 1000, String(events));
    assert.equal(Math.round(cost.eventsPerHour * 72), events);
    assert.equal(cost.hosts, counts.filter((count) => count > 0).length);
    assert.ok(cost.bytesPerEvent > 10 && cost.bytesPerEvent < 10_000, String(cost.bytesPerEvent));
    const shown = await hosttrail(...asked);
    assert.match(
      shown.stdout,
      /\n# recorded: \d+\.\d events an hour on \d+ hosts, some \d+ bytes an hour \(last 3d\)\n/,
    );
  });

  it("says what cannot be read, and ends with 3", async () => {
    const [place = ""] = (await archive.history.days()).filter((day) => day !== "outside");
    const [catalog] = await archive.history.catalogs(place, [stack.hostId]);
    const [entry] = catalog?.entries ?? [];
    assert.ok(entry !== undefined);
    await archive.history.removePayload(place, entry.id);
    const { unreadable, found } = await tryRules({});
    assert.equal(unreadable.length, 1);
    assert.match(unreadable[0] ?? "", new RegExp(`events of host ${stack.hostId}.*its payload is not there`));
    const others = new Set([...recorded.values()].map(({ hostId }) => hostId).filter((id) => id !== stack.hostId));
    assert.deepEqual(rowsOf(found), expectedOf(others));
    const junit = join(folder, "junit.xml");
    const expect = join(folder, "expect.yml");
    writeFileSync(expect, "rules: [{ rule: '*', max: 1000000 }]\n");
    const path = join(RULES, first?.file ?? "");
    const { code, stderr } = await hosttrail(
      "rules",
      "test",
      path,
      "--since",
      "2d",
      "--expect",
      expect,
      "--junit",
      junit,
    );
    assert.equal(code, 3);
    assert.match(stderr, /its payload is not there/);
    assert.match(readFileSync(junit, "utf8"), /failures="0" errors="1"/);
  });
});
