/**
 * Cost by the real parts: a sample of a recorded log to a forecast by a fleet's spec, and the same command by what a collector has stored:
 * days of hosts through JetStream, the store role and the step that compacts, a host with hours and weekdays of its own among them.
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
import { CostServiceClient, type HostCost, type ListHostCostsResponse } from "@hosttrail/proto/cost";
import { Event } from "@hosttrail/proto/event";
import { CAPTURE } from "../bench/capture.ts";
import { credentialsOf, eventually, openStack } from "./environment.ts";
import { executed, openBlockStream, PublishingHost } from "./publisher.ts";

const AGENT = new URL("../agent/src/main.ts", import.meta.url).pathname;
const CLI = new URL("../cli/src/main.ts", import.meta.url).pathname;
const SPEC = new URL("../integrations/examples/fleet.yaml", import.meta.url).pathname;
const PRICES = new URL("../packaging/collector/examples/prices.yaml", import.meta.url).pathname;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const NIGHT_DAYS = 8;
const NOON_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS / 2;

interface Forecast {
  fleet: {
    hosts: number;
    p50: number;
    p90: number;
    events: { mid: number };
    restBytes: { mid: number };
    wireBytes?: { mid: number };
    busy?: { hosts: number; busiest: { hour: number; eventsPerSecond: number }; week?: { hosts: number } };
  };
  hosts: {
    host: string;
    basis: string;
    p50: number;
    p90: number;
    hours: { weekday: number; hour: number; eventsPerSecond: number }[];
  }[];
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
  let archive: Archive;

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
    archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
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
      await publishNights(new PublishingHost("night1"), stream);
      await eventually("all blocks being stored", 60_000, async () => (await stream.lag()) === 0 || undefined);
      while (await compactor.compactWaiting());
      await forgetHours(dayText(NIGHT_DAYS));
    } finally {
      await compactor.close();
      await stream.close();
    }
  });
  after(async () => {
    await archive?.close();
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

  /** A host that works from one to two at night and around two in the afternoon; of a tenth on weekends. */
  function nightHours(daysAgo: number): Map<number, number> {
    const weekday = new Date(NOON_MS - (daysAgo - 1) * DAY_MS).getUTCDay();
    const factor = weekday === 0 || weekday === 6 ? 1 : 10;
    return new Map([
      [1, 12 * factor],
      [13, factor],
      [14, 2 * factor],
    ]);
  }

  /** "YYYYMMDD"; yesterday is 1 day ago. */
  function dayText(daysAgo: number): string {
    return new Date(NOON_MS - (daysAgo - 1) * DAY_MS).toISOString().slice(0, 10).replaceAll("-", "");
  }

  async function publishNights(
    host: PublishingHost,
    stream: Awaited<ReturnType<typeof openBlockStream>>,
  ): Promise<void> {
    for (let daysAgo = NIGHT_DAYS; daysAgo > 0; daysAgo--) {
      const startMs = NOON_MS - (daysAgo - 1) * DAY_MS - DAY_MS / 2;
      const of = (hour: number, fromMinute: number): Event[] =>
        Array.from({ length: nightHours(daysAgo).get(hour) ?? 0 }, (_, at) =>
          executed(["job", String(at)], BigInt(startMs + hour * HOUR_MS + fromMinute * 60_000 + at) * 1_000_000n),
        );
      await host.publish(stream, host.seal(of(1, 30)));
      // One block of two hours.
      await host.publish(stream, host.seal([...of(13, 59), ...of(14, 1)]));
    }
  }

  /** As if the day had been stored before hours were counted. */
  async function forgetHours(day: string): Promise<void> {
    for (const { older: _older, ...catalog } of await archive.history.catalogs(day, undefined)) {
      const entries = catalog.entries.map(({ hourEvents, ...entry }) => {
        assert.equal(hourEvents?.length, 14, "hours from 1 to 14 were counted");
        return entry;
      });
      assert.ok(await archive.history.replaceCatalog({ ...catalog, version: catalog.version + 1, entries }));
    }
  }

  async function costsOf(client: CostServiceClient, withHours: boolean): Promise<HostCost[]> {
    const costs: HostCost[] = [];
    let pageToken = "";
    do {
      const request = { pageSize: 1, pageToken, days: 0, hosts: undefined, withHours };
      const page = await new Promise<ListHostCostsResponse>((resolve, reject) =>
        client.listHostCosts(request, (error, response) => (error === null ? resolve(response) : reject(error))),
      );
      costs.push(...page.hostCosts);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return costs;
  }

  it("has the hours of each whole day that tells them, where they are asked for", async () => {
    const client = new CostServiceClient(
      `localhost:${stack.queryPort}`,
      credentialsOf(stack, await stack.ca.user("dev")),
    );
    try {
      const night = (await costsOf(client, true)).find(({ hostName }) => hostName === "night1");
      assert.deepEqual(
        night?.days.map(({ day, hourEvents }) => [day, hourEvents.map(Number)]),
        Array.from({ length: NIGHT_DAYS }, (_, at) => {
          const told = nightHours(at + 1);
          const hours = Array.from({ length: 24 }, (_, hour) => told.get(hour) ?? 0);
          return [dayText(at + 1), at + 1 === NIGHT_DAYS ? [] : hours];
        }),
      );
      for (const { days } of await costsOf(client, false))
        assert.ok(days.every(({ hourEvents, events }) => hourEvents.length === 0 && events > 0n));
    } finally {
      client.close();
    }
  });

  it("has the same of a day whose hosts are read one after the other", async () => {
    const { history } = archive;
    for (const day of await history.days()) {
      const each = [];
      for await (const catalog of history.eachCatalog(day)) each.push(catalog);
      const all = await history.catalogs(day, undefined);
      assert.deepEqual(
        each,
        all.map(({ hostId, entries }) => ({ hostId, entries })),
      );
      assert.ok(each.length > 0);
    }
  });

  it("has each host's whole days, and how long they are kept", async () => {
    const client = new CostServiceClient(
      `localhost:${stack.queryPort}`,
      credentialsOf(stack, await stack.ca.user("dev")),
    );
    try {
      const costs = await costsOf(client, false);
      assert.deepEqual(new Set(costs.map(({ hostName }) => hostName)), new Set(["web1", "web2", "night1"]));
      for (const { hostName, days, keepDays } of costs) {
        assert.equal(keepDays, 30);
        if (hostName === "night1") continue;
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
    assert.equal(found.fleet.hosts, 3);
    const nights = Array.from({ length: NIGHT_DAYS }, (_, at) => [...nightHours(at + 1).values()]).flat();
    const night = nights.reduce((sum, events) => sum + events, 0) / NIGHT_DAYS;
    assert.equal(found.fleet.events.mid, 60 + night);
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

  it("knows hours and weekdays, and says which it does not know", async () => {
    const found = await forecast("--profile", stack.profileFile, "cost", "forecast");
    const night = found.hosts.find(({ host }) => host === "night1");
    assert.equal(night?.hours.length, 168);
    for (const { weekday, hour, eventsPerSecond } of night.hours) {
      const factor = weekday >= 5 ? 1 : 10;
      const events = new Map([
        [1, 12 * factor],
        [13, factor],
        [14, 2 * factor],
      ]);
      assert.equal(eventsPerSecond, (events.get(hour) ?? 0) / 3600, `${weekday} ${hour}`);
    }
    // Of most hours nothing is known but that there was nothing; an eighth of them has something.
    assert.equal(night.p50, 0);
    assert.ok(night.p90 > 1 / 3600 && night.p90 < 20 / 3600, String(night.p90));
    const { busy } = found.fleet;
    assert.deepEqual([busy?.hosts, busy?.busiest.hour], [3, 1]);
    const whole = found.notes.join("\n");
    assert.match(whole, /night1: hours of 1 of 8 whole days are not known/);
    assert.match(whole, /2 hosts: only 3 whole days are stored: weekdays that are not in it are (\w+, ){3}\w+$/m);
    const { stdout } = await cli("--profile", stack.profileFile, "cost", "forecast");
    assert.match(stdout, /EVENTS\/S \(UTC\) +BUSIEST HOUR +QUIETEST HOUR +OF HOSTS +MON-FRI +SAT-SUN +OF HOSTS/);
    assert.match(stdout, /^all +01:00 0\.02 +23:00 0\.00 +3 /m);
  });

  it("is only of hosts within the caller's scope", async () => {
    const client = new CostServiceClient(
      `localhost:${stack.queryPort}`,
      credentialsOf(stack, await stack.ca.user("scoped")),
    );
    try {
      const response = await new Promise<ListHostCostsResponse>((resolve, reject) =>
        client.listHostCosts(
          { pageSize: 0, pageToken: "", days: 31, hosts: undefined, withHours: true },
          (error, answer) => (error === null ? resolve(answer) : reject(error)),
        ),
      );
      assert.deepEqual([response.hostCosts, response.disk], [[], undefined]);
    } finally {
      client.close();
    }
  });
});
