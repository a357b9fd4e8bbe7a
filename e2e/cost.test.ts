/**
 * Cost by the real parts: a sample of a recorded log to a forecast by a fleet's spec, and the same command by what a collector has stored:
 * days of two hosts through JetStream, the store role and the step that compacts.
 */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { compactArchive, historySource } from "@hosttrail/collector/archives";
import { Compactor } from "@hosttrail/collector/compact";
import { History } from "@hosttrail/collector/history";
import { Archive } from "@hosttrail/collector/mongodb";
import { openLogger } from "@hosttrail/lib/log";
import { CostServiceClient, type ListHostCostsResponse } from "@hosttrail/proto/cost";
import { Event } from "@hosttrail/proto/event";
import { CAPTURE } from "../bench/capture.ts";
import { credentialsOf, eventually, openStack } from "./environment.ts";
import { executed, openBlockStream, PublishingHost } from "./publisher.ts";

const AGENT = new URL("../agent/src/main.ts", import.meta.url).pathname;
const CLI = new URL("../cli/src/main.ts", import.meta.url).pathname;
const SPEC = new URL("../integrations/examples/fleet.yaml", import.meta.url).pathname;
const PRICES = new URL("../packaging/collector/examples/prices.yaml", import.meta.url).pathname;
const DAY_MS = 86_400_000;
const NOON_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS / 2;

interface Forecast {
  fleet: { hosts: number; events: { mid: number }; restBytes: { mid: number }; wireBytes?: { mid: number } };
  hosts: { host: string; basis: string }[];
  bill?: { total: { mid: number }; unknown: string[] };
  options: { retentionDays: number };
  suggestions: { executable: string; lines: string[]; blinds: string[]; isChecked: boolean }[];
  notes: string[];
}

const folder = mkdtempSync(join(tmpdir(), "hosttrail-cost-"));
after(() => rmSync(folder, { recursive: true, force: true }));

async function cli(...words: string[]): Promise<{ stdout: string; stderr: string }> {
  return await promisify(execFile)(process.execPath, [CLI, ...words], { env: { ...process.env, TZ: "UTC" } });
}

async function forecast(...words: string[]): Promise<Forecast> {
  return JSON.parse((await cli("--json", ...words)).stdout) as Forecast;
}

describe("a forecast before the rollout", () => {
  const sample = join(folder, "sample.json");

  before(() => {
    const log = join(folder, "audit.log");
    writeFileSync(log, gunzipSync(readFileSync(CAPTURE)));
    execFileSync(process.execPath, [AGENT, "cost", "sample", "--log", log, "--host", "web1", "--output", sample]);
  });

  const words = (...more: string[]): string[] => ["cost", "forecast", "--spec", SPEC, "--sample", sample, ...more];

  it("is of the hosts that were sampled, and what-if of others", async () => {
    const one = await forecast(...words());
    assert.ok(one.fleet.events.mid > 0 && one.fleet.restBytes.mid > 0 && (one.fleet.wireBytes?.mid ?? 0) > 0);
    const twice = await forecast(...words("--hosts", "2x"));
    assert.equal(Math.round(twice.fleet.events.mid / one.fleet.events.mid), 2);
    const less = await forecast(...words("--without", "hosttrail_exec"));
    assert.ok(less.fleet.events.mid < one.fleet.events.mid / 2);
    assert.ok(less.fleet.restBytes.mid < one.fleet.restBytes.mid);
  });

  it("has money by the price file, which grows with the retention", async () => {
    const short = await forecast(...words("--prices", PRICES, "--retention", "30"));
    const long = await forecast(...words("--prices", PRICES, "--retention", "300"));
    assert.ok((long.bill?.total.mid ?? 0) > (short.bill?.total.mid ?? 0));
  });

  it("is shown with its bounds and what it cannot know", async () => {
    const { stdout } = await cli(...words("--prices", PRICES));
    assert.match(stdout, /of the week's 168 hours were seen/);
    assert.match(stdout, /example, replace it by your own, \d{4}-\d\d-\d\d/);
    assert.match(stdout, /no sample has seen rule keys of the spec/);
  });

  it("refuses what it cannot use", async () => {
    const refused = async (...more: string[]): Promise<string> =>
      await cli(...more).then(
        () => assert.fail("it was taken"),
        (error: { stderr: string }) => error.stderr,
      );
    assert.match(await refused(...words("--hosts", "-1")), /--hosts is "-1"; allowed are/);
    assert.match(await refused(...words("--retention", "0")), /--retention is "0"/);
    assert.match(await refused("cost", "forecast", "--sample", SPEC), /fleet\.yaml/);
    assert.match(await refused("cost", "forecast", "--sample", join(folder, "none.json")), /cannot be read/);
  });
});

describe("a forecast by what is stored", () => {
  let stack: Awaited<ReturnType<typeof openStack>>;

  before(async () => {
    const access = {
      bindings: [
        { subject: "certificate:dev", role: "admin" },
        { subject: "certificate:scoped", role: "viewer", scope: { env: "nowhere" } },
      ],
    };
    // The collector's own step sleeps: this test has one of its own.
    const compact = { turn_ms: 600_000, age_ms: 3_600_000, blocks_min: 16_384 };
    stack = await openStack({ collector: { access, compact } });
    await stack.startServices();
    await stack.startCollector();
    const stream = await openBlockStream(stack);
    const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
    const options = { turnMs: 50, ageMs: 0, blocksMin: 1 };
    const logger = openLogger("test", "error");
    const compactor = new Compactor(
      compactArchive(archive),
      new History(historySource(archive)),
      archive.hosts,
      options,
      logger,
    );
    try {
      for (const [at, name] of ["web1", "web2"].entries())
        await publish(new PublishingHost(name), stream, 20 * (at + 1));
      await eventually("all blocks being stored", 60_000, async () => (await stream.lag()) === 0 || undefined);
      while (await compactor.compactWaiting());
    } finally {
      await compactor.close();
      await stream.close();
      await archive.close();
    }
  });
  after(async () => {
    await stack?.[Symbol.asyncDispose]();
  });

  async function publish(
    host: PublishingHost,
    stream: Awaited<ReturnType<typeof openBlockStream>>,
    events: number,
  ): Promise<void> {
    for (const day of [2, 1, 0]) {
      const startMs = NOON_MS - day * DAY_MS;
      const list = Array.from({ length: events }, (_, at) =>
        executed(["true", String(at)], BigInt(startMs + at) * 1_000_000n),
      );
      await host.publish(stream, host.seal(list));
    }
    // Of the day that is not over: it is in no whole day, and says which rules and programs are dear.
    const todayMs = Math.max(Date.now() - 60_000, Math.floor(Date.now() / DAY_MS) * DAY_MS);
    const byRule = Array.from({ length: 200 }, (_, at) => {
      const event = executed(["curl", String(at)], BigInt(todayMs) * 1_000_000n);
      return Event.fromPartial({
        ...event,
        process: { ...event.process, executable: "/usr/bin/curl" },
        audit: { ...event.audit, keys: ["exec"] },
      });
    });
    await host.publish(stream, host.seal(byRule));
  }

  it("has each host's whole days, and how long they are kept", async () => {
    const client = new CostServiceClient(
      `localhost:${stack.queryPort}`,
      credentialsOf(stack, await stack.ca.user("dev")),
    );
    try {
      const ask = (pageToken: string): Promise<ListHostCostsResponse> =>
        new Promise((resolve, reject) =>
          client.listHostCosts({ pageSize: 1, pageToken, days: 0, hosts: undefined }, (error, response) =>
            error === null ? resolve(response) : reject(error),
          ),
        );
      const first = await ask("");
      const second = await ask(first.nextPageToken);
      assert.equal(second.nextPageToken, "");
      const costs = [...first.hostCosts, ...second.hostCosts];
      assert.deepEqual(new Set(costs.map(({ hostName }) => hostName)), new Set(["web1", "web2"]));
      for (const { hostName, days, keepDays } of costs) {
        assert.equal(keepDays, 30);
        const events = hostName === "web1" ? 20n : 40n;
        assert.deepEqual(
          days.map((day) => day.events),
          [events, events, events],
        );
        assert.ok(days.every(({ bytes, blocks }) => bytes > 0n && blocks === 1n));
        assert.ok(days.every(({ day }, at) => at === 0 || day < (days[at - 1]?.day ?? "")));
      }
    } finally {
      client.close();
    }
  });

  it("is what the command shows, with the most expensive program and what leaving it out would blind", async () => {
    const found = await forecast("--profile", stack.profileFile, "cost", "forecast");
    assert.equal(found.fleet.hosts, 2);
    assert.equal(found.fleet.events.mid, 60);
    assert.equal(found.options.retentionDays, 30);
    assert.ok(found.hosts.every(({ basis }) => basis === "measured"));
    const [first] = found.suggestions;
    assert.equal(first?.executable, "/usr/bin/curl");
    assert.match(first.lines[0] ?? "", /^-A never,exit -F arch=b64 -S execve,execveat.* -F exe=\/usr\/bin\/curl$/);
    assert.ok(first.isChecked && first.blinds.length > 0, "rules that run need what is executed");
    const { stdout } = await cli("--profile", stack.profileFile, "cost", "forecast", "--retention", "90");
    assert.match(stdout, /once 90 days are filled/);
    assert.match(stdout, /The database does not tell of its disk|disk full on|it does not fill/);
  });

  it("is only of hosts within the caller's scope", async () => {
    const client = new CostServiceClient(
      `localhost:${stack.queryPort}`,
      credentialsOf(stack, await stack.ca.user("scoped")),
    );
    try {
      const response = await new Promise<ListHostCostsResponse>((resolve, reject) =>
        client.listHostCosts({ pageSize: 0, pageToken: "", days: 31, hosts: undefined }, (error, answer) =>
          error === null ? resolve(answer) : reject(error),
        ),
      );
      assert.deepEqual([response.hostCosts, response.disk], [[], undefined]);
    } finally {
      client.close();
    }
  });
});
