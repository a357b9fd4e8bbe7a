/**
 * A host whose end is announced: by a stand-in of AWS's metadata service to a spot instance, or by a command. What it had is stored before it is
 * killed, or the collector tells what it does not know.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ImdsStandIn, startImds } from "@hosttrail/agent/imds/fixture";
import { whyNoAudit } from "@hosttrail/agent/kernel";
import { Archive } from "@hosttrail/collector/mongodb";
import type { Alert } from "@hosttrail/proto/alert";
import type { Event } from "@hosttrail/proto/event";
import type { QueryServiceClient } from "@hosttrail/proto/query";
import { eventually, openStack, queryClient, searchAll } from "./environment.ts";

const AGENT = new URL("../agent/src/main.ts", import.meta.url).pathname;
const SPOT = "meta-data/spot/instance-action";
/** Events that are fed in a second. */
const RATE = 50;
/** A silent host is told after a minute, with what it takes to be sure and to look. */
const SILENT_TIMEOUT_MS = 150_000;

let stack: Awaited<ReturnType<typeof openStack>>;
let client: QueryServiceClient;
let archive: Archive;
let imds: ImdsStandIn;
let agent: ChildProcess | undefined;
let feeding: NodeJS.Timeout | undefined;
/** Of the last event that was fed. */
let serial = 0;

before(async () => {
  imds = await startImds({
    "dynamic/instance-identity/document": JSON.stringify({ instanceId: "i-0123456789abcdef0", accountId: "1" }),
    "meta-data/instance-life-cycle": "spot",
    "meta-data/autoscaling/target-lifecycle-state": "InService",
  });
  imds.setTags({ Environment: "test" });
  stack = await openStack({
    collector: { detect: { findings_ms: 500, silent_minutes: 1 } },
    agent: {
      source: { mode: "plugin" },
      audit: { manage: "never", enable: false, on_stop: "keep" },
      enrich: { cloud: "aws", imds_endpoint: imds.url, tags_interval_ms: 10_000, tag_labels: { env: "Environment" } },
      notice: { interval_ms: 1000 },
    },
  });
  await stack.startServices();
  await stack.startCollector();
  client = queryClient(stack);
  archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
});
after(async () => {
  clearInterval(feeding);
  agent?.kill("SIGKILL");
  client?.close();
  await archive?.close();
  await imds?.stop();
  await stack[Symbol.asyncDispose]();
});

/** Starts the agent, as auditd does, and feeds it events of user space for as long as it runs. */
function startAgent(): void {
  const child = spawn(process.execPath, [AGENT, "--config", stack.agentConfigFile], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.stdin?.on("error", () => undefined);
  agent = child;
  feeding = setInterval(() => {
    const [seconds, milliseconds] = [Math.floor(Date.now() / 1000), String(Date.now() % 1000).padStart(3, "0")];
    serial++;
    child.stdin?.write(
      `type=USER_CMD msg=audit(${seconds}.${milliseconds}:${serial}): pid=1 uid=0 auid=0 ses=1 msg='cwd="/" cmd=6964 exe="/usr/bin/sudo" terminal=pts/0 res=success'\n`,
    );
  }, 1000 / RATE);
}

/** As the cloud ends a machine: at once, and with its disk. */
async function killAgent(): Promise<number> {
  clearInterval(feeding);
  const child = agent;
  if (child?.exitCode === null) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  agent = undefined;
  return serial;
}

function command(...words: string[]) {
  return spawnSync(process.execPath, [AGENT, ...words, "--config", stack.agentConfigFile], { encoding: "utf8" });
}

async function told(action: string, count: number): Promise<Record<string, string>[]> {
  const events = await eventually(`${count} events ${action}`, 60_000, async () => {
    const found = await searchAll(client, { filter: `event.action = ${action}` });
    return found.length >= count ? found : undefined;
  });
  return events.sort((a, b) => (a.id < b.id ? -1 : 1)).map(fieldsOf);
}

function fieldsOf({ audit }: Event): Record<string, string> {
  return Object.fromEntries(audit?.records[0]?.fields.map(({ key, value }) => [key, value]) ?? []);
}

/** Serials of the events that were fed and are stored, in order. */
async function storedSerials(): Promise<number[]> {
  const found = await searchAll(client, { filter: "audit.record_type = USER_CMD" });
  return found.map(({ audit }) => audit?.serial ?? 0).sort((a, b) => a - b);
}

/** Waits until all up to this serial are stored, each once. */
async function storedUpTo(last: number): Promise<number[]> {
  return await eventually(`event ${last} being stored`, 60_000, async () => {
    const serials = await storedSerials();
    return (serials.at(-1) ?? 0) >= last ? serials : undefined;
  });
}

async function goodbyeOf(): Promise<string | undefined> {
  return (await archive.hosts.getHost(stack.hostId))?.goodbye;
}

describe("the end of a host that is announced", { skip: whyNoAudit() ?? false }, () => {
  it("is told, and taken back, in events and in what is known of the host", async () => {
    startAgent();
    await storedUpTo(RATE);
    assert.equal(await goodbyeOf(), "");
    imds.values.set(SPOT, '{"action": "hibernate"}');
    const [said] = await told("announced-end", 1);
    assert.deepEqual([said?.["by"], said?.["action"], said?.["end_ms"]], ["spot", "hibernate", ""]);
    assert.equal(await eventually("the notice at the host", 20_000, goodbyeOf), "announced");
    imds.values.delete(SPOT);
    imds.forgetTokens();
    await told("withdrew-end", 1);
    await eventually("no notice at the host", 20_000, async () => (await goodbyeOf()) === "" || undefined);
  });

  it("changes with tags, which are labels of the host's events from then on", async () => {
    imds.setTags({ Environment: "prod", Team: "blue" });
    const [change] = await told("changed-cloud-tags", 1);
    assert.deepEqual([change?.["before"], change?.["tags"]], ["Environment=test", "Environment=prod; Team=blue"]);
    const events = await eventually("events with the new label", 30_000, async () => {
      const found = await searchAll(client, { filter: "host.labels.env = prod" });
      return found.length > 0 ? found : undefined;
    });
    assert.deepEqual(
      events[0]?.cloud?.tags.map(({ key, value }) => `${key}=${value}`),
      ["Environment=prod", "Team=blue"],
    );
    // What an event says of its host is no right to see it: scopes go by the labels of its enrolment.
    assert.match(stack.hosttrail("host", "list"), / env=dev /);
  });

  it("by a command waits until all of before is stored, and says so", () => {
    const done = command("end", "--timeout", "60");
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stdout, /^all events up to number \d+ are stored after \d+\.\d s$/m);
    assert.match(command("status").stdout, /^end\.announced\.\d+\.by +command$/m);
  });

  it("loses nothing of what came before its end though no collector was there when it was announced", async () => {
    await stack.collector.stop();
    imds.values.set(SPOT, JSON.stringify({ action: "terminate", time: new Date(Date.now() + 120_000).toISOString() }));
    await sleep(5000);
    const failed = command("end", "--timeout", "1");
    assert.equal(failed.status, 1);
    assert.match(failed.stderr, /\d+ events in \d+ blocks are not stored after 1 s/);
    const before = serial;
    await stack.startCollector();
    await storedUpTo(before);
    // The two minutes are over, in the middle of what it does.
    const last = await killAgent();
    const serials = await eventually("no more events", 60_000, async () => {
      const found = await storedSerials();
      await sleep(2000);
      const again = await storedSerials();
      return found.length === again.length ? again : undefined;
    });
    const end = serials.at(-1) ?? 0;
    process.stdout.write(
      `  fed ${last} events, stored ${serials.length}, the last ${last - end} within ${(last - end) / RATE} s of the end are told as not known\n`,
    );
    assert.ok(end >= before && end <= last);
    assert.deepEqual(
      serials,
      Array.from({ length: end }, (_, at) => at + 1),
      "each once, none of before missing",
    );
    const notices = await told("announced-end", 3);
    assert.deepEqual(
      notices.map(({ by, action }) => `${by} ${action}`),
      ["spot hibernate", "command end", "spot terminate"],
    );
    assert.equal(await goodbyeOf(), "announced");
  });

  it("is told where the host said no goodbye: what it did after its last block is not known", async () => {
    const alert = await eventually(
      "the finding of a silent host",
      SILENT_TIMEOUT_MS,
      async (): Promise<Alert | undefined> => {
        const found = await archive.alerts.listAlerts({
          startMs: 0,
          endMs: 8e15,
          afterId: "",
          severityMin: 0,
          ruleKey: "",
          ruleset: "findings",
          hostId: "",
          limit: 100,
        });
        return found.find(({ title }) => title.includes("is silent since"));
      },
    );
    assert.match(
      alert.title,
      /its end was announced, and it ended without a goodbye; what it did after that is not known$/,
    );
    // Of all that the host told, nothing is missing: its ledgers name what is kept, and that is stored.
    const ledger = JSON.parse(stack.hosttrail("ledger", "--host", stack.hostId, "--json")) as {
      state: string;
      total?: { trail?: { missing?: string } };
    };
    process.stdout.write(`  the ledger: ${ledger.state}\n`);
    assert.match(ledger.state, /BALANCED|OPEN/);
  });
});
