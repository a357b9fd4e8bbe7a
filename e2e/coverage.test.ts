/**
 * Coverage of an organisation of three accounts that can be read and one that cannot, in four regions, with 2,000 machines, asked through a proxy that
 * refuses a part of the questions as AWS does where it is asked too much.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServiceError } from "@grpc/grpc-js";
import type { CoveragePoll, CoveredInstance } from "@hosttrail/collector/model";
import { Archive, databaseRightsText } from "@hosttrail/collector/mongodb";
import { Event } from "@hosttrail/proto/event";
import {
  CoverageServiceClient,
  GetCoverageRequest,
  ListCoverageChangesRequest,
  ListCoverageInstancesRequest,
} from "@hosttrail/proto/coverage";
import { motoPython, startMoto } from "./aws/moto.ts";
import { Organization, OWN_ACCOUNT } from "./aws/organization.ts";
import { startProxy } from "./aws/proxy.ts";
import { enrol, enrolAll, hostOf, KINDS, launchAll, type Machine, putHost } from "./aws/world.ts";
import { DatabaseRecorder } from "./databaserecorder.ts";
import { credentialsOf, eventually, openStack } from "./environment.ts";
import { executed, openBlockStream, PublishingHost } from "./publisher.ts";

const CLI = new URL("../cli/src/main.ts", import.meta.url).pathname;
const REGIONS = ["us-east-1", "eu-west-1", "eu-central-1", "ap-southeast-2"] as const;
/** Nobody has enabled it. */
const NOWHERE = "eu-nowhere-9";
const SEED = 11;
const THROTTLED = 0.2;
const LOOK_MS = 300_000;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

const moto = motoPython();
const skip = typeof moto === "string" ? moto : false;

let stack: Awaited<ReturnType<typeof openStack>>;
let cloud: Awaited<ReturnType<typeof startMoto>>;
let proxy: Awaited<ReturnType<typeof startProxy>>;
let organization: Organization;
let archive: Archive;
let machines: Machine[] = [];
/** In which no role can be assumed from the start, and in which it cannot be later. */
let locked = "";
let staging = "";
let production = "";
/** Takes down what processes with the role send to the database. */
let recorder: DatabaseRecorder;
/** Hosts of whom real blocks tell. */
const speaking: PublishingHost[] = [];

if (!skip) {
  before(async () => {
    if (typeof moto === "string") return;
    const bindings = [
      { subject: "certificate:dev", role: "admin" },
      { subject: "certificate:within", role: "admin", scope: { team: "a" } },
    ];
    stack = await openStack({ collector: { access: { bindings } } });
    cloud = await startMoto(moto.python);
    proxy = await startProxy(cloud.port, SEED);
    organization = new Organization(`http://127.0.0.1:${cloud.port}`);
    [production = "", staging = "", locked = ""] = await organization.create(["production", "staging", "locked"]);
    proxy.denied.add(locked);
    await stack.startServices();
    await stack.startCollector();
    recorder = await DatabaseRecorder.open(stack.mongodb.url);
    archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
    const accounts = [production, staging, OWN_ACCOUNT];
    const places = accounts.flatMap((account) => REGIONS.map((region) => ({ account, region })));
    machines = await launchAll(organization, places);
    const toClose = await enrolAll(archive, machines);
    for (const id of toClose) stack.hosttrail("alert", "close", id, "--reason", "benign");
    await claimOthers();
    await speak();
  });
  after(async () => {
    await archive?.close();
    recorder?.close();
    await stack?.[Symbol.asyncDispose]();
    await proxy?.stop();
    await cloud?.stop();
  });
}

function of(kind: string): Machine[] {
  return machines.filter((machine) => machine.kind === kind);
}

/** Hosts that say that they are machines which they are not, and two machines of one id. */
async function claimOthers(): Promise<void> {
  const nowMs = Date.now();
  for (const [at, target] of of("claimed by a host of another identity").entries()) {
    const own = of("covered by its signed identity").find(({ account }) => account !== target.account);
    assert.ok(own);
    // A second host of that machine, which the cloud signed for as well: it enrolled anew.
    const hostId = hostOf({ account: own.account, instanceId: `${own.instanceId} ${at}` });
    await enrol(archive, hostId, `aws:${own.account}/${own.instanceId}`, nowMs);
    const about = { hostId, lastReceivedMs: nowMs, goodbye: "", missingEvents: 0 } as const;
    await putHost(archive, { ...about, claimed: { account: target.account, instanceId: target.instanceId } });
  }
  const [twin] = of("with the id of one in another account");
  const first = of("covered by its word").find(({ account }) => account !== twin?.account);
  assert.ok(twin && first);
  proxy.renamed.set(twin.instanceId, first.instanceId);
  twin.instanceId = first.instanceId;
}

/** Blocks of hosts whose agents tell of their cloud, by the whole way of the collector. */
async function speak(): Promise<void> {
  const stream = await openBlockStream(stack);
  try {
    for (const [at, machine] of of("told of by real blocks").entries()) {
      speaking[at] ??= new PublishingHost(machine.instanceId, 1n, hostOf(machine));
      const { account: accountId, region, instanceId } = machine;
      const event = executed(["true"], BigInt(Date.now()) * 1_000_000n);
      const { cloud: told } = Event.fromPartial({ cloud: { provider: "aws", accountId, region, instanceId } });
      await speaking[at].publish(stream, speaking[at].seal([{ ...event, cloud: told }]));
    }
    await eventually("blocks being stored", 60_000, async () => (await stream.lag()) === 0 || undefined);
  } finally {
    await stream.close();
  }
}

function settings(): Record<string, unknown> {
  const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  const decided = { approver: "alice", reason: "bought as it is" };
  const [now, yesterday] = [day(Date.now() + DAY_MS), day(Date.now() - DAY_MS)];
  return {
    roles: ["coverage"],
    mongodb: { url: recorder.url, manage: false },
    coverage: {
      poll_minutes: 1440,
      grace_minutes: 0,
      lease_ms: 5000,
      aws: {
        organization: true,
        external_id: "of-a-test",
        regions: [...REGIONS, NOWHERE],
        exclusions: [
          { name: "appliances", ...decided, last_day: now, tags: { appliance: "yes" } },
          { name: "old-appliances", ...decided, last_day: yesterday, tags: { appliance: "was" } },
        ],
      },
    },
  };
}

/** Makes the next look due, and waits until processes with the role have made it. */
async function look(processes = 1): Promise<CoveragePoll> {
  const before = await archive.coverage.getPoll();
  if (before !== undefined) await archive.coverage.putPoll({ ...before, startMs: before.startMs - 25 * HOUR_MS });
  const ends = [];
  for (let count = 0; count < processes; count++) ends.push((await startLooking()).process);
  try {
    return await eventually("a look at the cloud", LOOK_MS, async () => {
      const poll = await archive.coverage.getPoll();
      return poll !== undefined && poll.startMs > (before?.startMs ?? 0) ? poll : undefined;
    });
  } finally {
    for (const child of ends) await child.stop();
  }
}

async function startLooking(): ReturnType<typeof stack.startAnotherCollector> {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: proxy.url,
    AWS_ACCESS_KEY_ID: "testing",
    AWS_SECRET_ACCESS_KEY: "testing",
    AWS_EC2_METADATA_DISABLED: "true",
  });
  return await stack.startAnotherCollector(settings());
}

async function found(): Promise<Map<string, CoveredInstance>> {
  const all = await archive.coverage.listInstances("", 10_000);
  return new Map(all.map((each) => [keyOf(each), each]));
}

function keyOf({ account, region, instanceId }: Omit<Machine, "kind">): string {
  return `${account}/${region}/${instanceId}`;
}

/** What is found otherwise than it must be, by kind, some of each. */
function wrong(states: ReadonlyMap<string, CoveredInstance>, those: readonly Machine[] = machines): string[] {
  const faults = those.flatMap((machine) => {
    const { state, reason } = KINDS[machine.kind] ?? {};
    const is = states.get(keyOf(machine));
    const told = is === undefined ? "gone" : `${is.state} ${is.reason}`;
    return told === (state === "gone" ? "gone" : `${state} ${reason}`) ? [] : [`${machine.kind}: ${told}`];
  });
  return [...new Set(faults)];
}

function cli(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [CLI, "--profile", stack.profileFile, ...words], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
}

describe("coverage of an organisation", { skip, concurrency: false }, () => {
  it("has nothing to tell before anybody looked", () => {
    const { status, stderr } = cli("coverage", "aws");
    assert.equal(status, 1);
    assert.match(stderr, /no cloud was looked at yet/);
  });

  it("finds each of 2,000 machines in its state, also where AWS refuses questions and an account says no", async (t: TestContext) => {
    assert.equal(machines.length, 2000);
    proxy.throttledShare = THROTTLED;
    const poll = await look();
    proxy.throttledShare = 0;
    const states = await found();
    assert.deepEqual(wrong(states), []);
    assert.equal(states.size, 2000 - of("ended after it reported").length);
    assert.ok(proxy.throttled.count > 0, "some questions were refused");
    const asked = poll.calls.reduce((sum, { calls }) => sum + calls, 0);
    const throttled = poll.calls.reduce((sum, each) => sum + each.throttled, 0);
    assert.equal(throttled, proxy.throttled.count, "each refusal is counted");
    assert.equal(
      asked,
      [...proxy.asked.values()].reduce((sum, count) => sum + count, 0),
      "each question is counted",
    );
    t.diagnostic(
      `${states.size} machines in ${((poll.endMs - poll.startMs) / 1000).toFixed(1)} s, ${asked} calls of which ${throttled} were throttled`,
    );
    for (const { operation, calls, throttled: of } of poll.calls)
      t.diagnostic(`${operation}: ${calls} calls, ${of} throttled`);
  });

  it("names what could not be looked at, and whose word was not taken", async () => {
    const poll = await archive.coverage.getPoll();
    assert.ok(poll);
    const told = poll.problems.map(({ account, region, operation, code }) =>
      [account, region, operation, code].join(" "),
    );
    const nowhere = [production, staging, OWN_ACCOUNT].map(
      (account) => `${account} ${NOWHERE} DescribeRegions REGION_NOT_ENABLED`,
    );
    assert.deepEqual(told.sort(), [`${locked}  AssumeRole AccessDenied`, ...nowhere].sort());
    assert.equal(poll.accounts.find(({ account }) => account === locked)?.seenMs, 0);
    const claimed = of("claimed by a host of another identity").map(keyOfClaim);
    assert.deepEqual(poll.refusedClaims.map(({ claimed: claim }) => keyOfClaim(claim)).sort(), claimed.sort());
  });

  it("tells it on the command line: counts by state and account, lacks, markup as plain text", () => {
    const { status, stdout, stderr } = cli("coverage", "aws", "--by", "account");
    assert.equal(status, 1, "machines are missing");
    assert.match(stderr, new RegExp(`account ${locked}: AssumeRole: AccessDenied: .*never seen whole.*coverage-role`));
    assert.match(stderr, new RegExp(`account ${production}, ${NOWHERE}: DescribeRegions: REGION_NOT_ENABLED`));
    for (const account of [production, staging, OWN_ACCOUNT]) assert.match(stdout, new RegExp(`^${account} `, "m"));
    const covered = machines.filter(({ kind }) => ["covered", "late"].includes(KINDS[kind]?.state ?? "")).length;
    assert.match(stdout, new RegExp(`Covered +${covered} of `));
    const shown = cli("coverage", "instances", "--tag", "kind=with markup in its tags", "--tag", "a.b$c");
    assert.equal(shown.status, 0);
    assert.equal(shown.stdout.match(/<script>alert\(1\)<\/script>/g)?.length, 2);
    const json = cli("--json", "coverage", "instances", "--tag", "kind=with markup in its tags");
    const [one = ""] = json.stdout.split("\n");
    const { tags } = JSON.parse(one) as { tags: Record<string, string> };
    assert.deepEqual({ ...tags, kind: "" }, { ...KINDS["with markup in its tags"]?.tags, kind: "" });
    const excluded = cli("coverage", "instances", "--state", "excluded", "--limit", "3");
    assert.match(excluded.stdout, /alice until \d{4}-\d\d-\d\d: bought as it is/);
    assert.match(excluded.stderr, /there are more than 3/);
  });

  it("pages through all machines and gives each once", () => {
    const { stdout } = cli("--json", "coverage", "instances", "--limit", "5000");
    const ids = stdout
      .trim()
      .split("\n")
      .map((each) => keyOf(JSON.parse(each) as Machine));
    assert.equal(ids.length, 2000 - of("ended after it reported").length);
    assert.equal(new Set(ids).size, ids.length);
  });

  it("tells changes; what ends is gone or died unseen; an account that says no is as it was seen, beside hosts as they are", async () => {
    proxy.denied.add(staging);
    const isStaging = ({ account }: Machine): boolean => account === staging;
    const dying = of("without an agent")
      .filter((machine) => !isStaging(machine))
      .slice(0, 3);
    const leaving = of("covered by its signed identity")
      .filter((machine) => !isStaging(machine))
      .slice(-3);
    const falling = of("covered by its word").filter(isStaging).slice(0, 2);
    const unseen = of("without an agent").filter(isStaging).slice(0, 2);
    for (const { account, region, instanceId } of [...dying, ...leaving, ...unseen])
      await organization.terminate(account, region, [instanceId]);
    for (const machine of falling) {
      const { account, instanceId } = machine;
      const about = {
        hostId: hostOf(machine),
        lastReceivedMs: Date.now() - HOUR_MS,
        goodbye: "",
        missingEvents: 0,
      } as const;
      await putHost(archive, { ...about, claimed: { account, instanceId } });
    }
    await speak();
    const startMs = Date.now();
    // One dies in the middle of it, and another one goes on.
    const { process: first } = await startLooking();
    await sleep(2000);
    assert.ok(first.pid);
    process.kill(first.pid, "SIGKILL");
    await look();
    const states = await found();
    const changed = new Set([...dying, ...leaving, ...falling].map(keyOf));
    assert.deepEqual(
      wrong(
        states,
        machines.filter((machine) => !changed.has(keyOf(machine))),
      ),
      [],
    );
    assert.deepEqual([...new Set(dying.map((each) => states.get(keyOf(each))?.state))], ["died-unseen"]);
    assert.deepEqual([...new Set(leaving.map((each) => states.get(keyOf(each))))], [undefined]);
    assert.deepEqual([...new Set(falling.map((each) => states.get(keyOf(each))?.state))], ["silent"]);
    const { stdout } = cli("--json", "coverage", "changes", "--since", new Date(startMs).toISOString());
    const told = new Set(
      stdout
        .trim()
        .split("\n")
        .map((each) => keyOf(JSON.parse(each) as Machine)),
    );
    assert.deepEqual([...told].sort(), [...changed].sort());
    const { stderr } = cli("coverage", "aws");
    assert.match(stderr, new RegExp(`account ${staging}: AssumeRole: .*last seen whole 2`));
    assert.match(stderr, /nobody looked from/);
    proxy.denied.delete(staging);
    await speak();
    await look();
    assert.deepEqual(
      [
        ...new Set(
          unseen.map(({ instanceId }) => [...states.values()].find((each) => each.instanceId === instanceId)?.state),
        ),
      ],
      ["never-enrolled"],
    );
    const later = await found();
    assert.deepEqual([...new Set(unseen.map((each) => later.get(keyOf(each))?.state))], ["died-unseen"]);
  });

  it("asks what the Terraform modules allow, and allows nothing that it does not ask", () => {
    const folder = new URL("../integrations/terraform/templates/modules/", import.meta.url);
    const allowed = ["coverage-role", "coverage"].map((name) => {
      const text = readFileSync(new URL(`${name}/main.tf`, folder), "utf8");
      const actions = Array.from(text.matchAll(/^ *Action +=.*$/gm), ([line]) => line.match(/"[^"]+"/g) ?? []);
      return [...new Set(actions.flat().map((action) => action.slice(1, -1)))].sort();
    });
    // Who one is needs no right.
    const asked = [...proxy.asked.keys()].filter((action) => action !== "sts:GetCallerIdentity").sort();
    const inAccount = asked.filter((action) => action.startsWith("ec2:"));
    assert.deepEqual(
      allowed,
      [[...inAccount, "sts:AssumeRole"], asked],
      "the role, with who may assume it, and the collector",
    );
  });

  it("does in the database what its login may, and may no more than it does", () => {
    const text = databaseRightsText(["coverage"], { database: stack.database, historyDatabase: "" }, false);
    const rights = Array.from(text.matchAll(/resource: (\{.*?\}), actions: (\[.*?\]) \}/g), ([, resource, actions]) => {
      const { collection = "" } = JSON.parse(resource ?? "") as { collection?: string };
      return (JSON.parse(actions ?? "") as string[]).map((action) => `${action} ${collection}`);
    }).flat();
    // Indexes are looked at by all roles; doctor has a collection of its own.
    const allowed = rights.filter((right) => !/^listIndexes | doctor$/.test(right)).sort();
    const seen = [...recorder.seen].flatMap(([key, actions]) =>
      [...actions].filter((action) => action !== "listIndexes").map((action) => `${action} ${key.split(".")[1]}`),
    );
    assert.deepEqual([...recorder.unknown], []);
    assert.deepEqual(seen.sort(), allowed);
  });

  it("is for who may see all hosts", async () => {
    const channel = credentialsOf(stack, await stack.ca.user("within"));
    const client = new CoverageServiceClient(`localhost:${stack.queryPort}`, channel);
    const reasonOf = (ask: (done: (error: ServiceError | null) => void) => void): Promise<string> =>
      new Promise((resolve) =>
        ask((error) => resolve(String(error?.metadata.get("grpc-status-details-bin")[0] ?? "none"))),
      );
    const answers = await Promise.all([
      reasonOf((done) => client.getCoverage(GetCoverageRequest.create(), done)),
      reasonOf((done) => client.listCoverageInstances(ListCoverageInstancesRequest.create(), done)),
      reasonOf((done) => client.listCoverageChanges(ListCoverageChangesRequest.create(), done)),
    ]);
    for (const answer of answers) assert.match(answer, /SCOPE_TOO_SMALL/);
    client.close();
  });

  it("is done by one process where two have the role", async () => {
    proxy.asked.clear();
    await look(2);
    assert.equal(proxy.asked.get("organizations:ListAccounts"), 1);
  });

  it("ends no machine where lists break off after a page, and no account where nobody lets it in", async () => {
    const before = await found();
    for (const account of [production, staging]) proxy.denied.add(account);
    proxy.isBreakingOff = true;
    await speak();
    const poll = await look();
    proxy.denied.clear();
    proxy.isBreakingOff = false;
    const told = new Set(poll.problems.map(({ account, operation, code }) => [account, operation, code].join(" ")));
    assert.ok(told.has(`${production} AssumeRole AccessDenied`));
    assert.ok(told.has(`${OWN_ACCOUNT} DescribeInstances UnauthorizedOperation`));
    const after = await found();
    assert.deepEqual([...after.keys()].sort(), [...before.keys()].sort());
    const changed = [...after].filter(([key, { state }]) => before.get(key)?.state !== state).map(([key]) => key);
    assert.deepEqual(changed, []);
  });
});

function keyOfClaim({ account, instanceId }: { account: string; instanceId: string }): string {
  return `${account}/${instanceId}`;
}
