/** What samples say of days, fleets and money. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import {
  billOf,
  type CostSample,
  forecastHost,
  likeOthers,
  measuredHost,
  METERS,
  needsOf,
  readPrices,
  readSample,
  sampleText,
  sumHosts,
  withShare,
} from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "hosttrail-cost-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const MONDAY_MS = 345_600_000;
const OVERHEAD = { restOverhead: 1 };

/** Minutes with so many events each, of two keys in turn; 10 bytes an event. */
function sample(host: string, perMinute: readonly number[], startMs = MONDAY_MS): CostSample {
  return {
    version: 1,
    host,
    agentVersion: "0",
    source: "file",
    rules: "recorded",
    ruleKeys: [],
    lost: { kernel: 0, gaps: 0, unreadable: 0 },
    keys: ["exec", "net"],
    minutes: perMinute.map((events, at) => ({
      startMs: startMs + at * 60_000,
      seconds: 60,
      events,
      blocks: 1,
      wireBytes: events * 10,
      cpuMs: events,
      keys: [
        { key: 0, events: events * 0.75, bytes: events * 7.5 },
        { key: 1, events: events * 0.25, bytes: events * 2.5 },
      ],
    })),
    programs: [{ executable: "/bin/a", key: "exec", events: 10, bytes: 100 }],
    weights: [
      { events: 100, blocks: 10, bytes: 2000 },
      { events: 400, blocks: 40, bytes: 6000 },
    ],
    memoryBytes: 0,
  };
}

const STEADY = new Array<number>(10).fill(60);

describe("a host's forecast", () => {
  it("of minutes that are alike is that rate, with the bounds of what was not seen", () => {
    const { events, p50, p90, wireBytes, notes } = forecastHost([sample("a", STEADY)], [], OVERHEAD);
    assert.equal(Math.round(events.mid), 86_400);
    assert.deepEqual([p50, p90], [1, 1]);
    assert.ok(events.low < events.mid * 0.9 && events.high > events.mid * 1.1);
    assert.equal(Math.round(wireBytes?.mid ?? 0), 864_000);
    assert.match(notes.join(), /1 of the week's 168 hours/);
  });

  it("has wider bounds where minutes differ", () => {
    const wide = forecastHost([sample("a", [0, 120, 0, 120, 0, 120, 0, 120, 0, 120])], [], OVERHEAD);
    const narrow = forecastHost([sample("a", STEADY)], [], OVERHEAD);
    assert.ok(wide.events.high - wide.events.low > narrow.events.high - narrow.events.low);
  });

  it("counts each hour that was seen alike, however long it was looked at", () => {
    const busy = sample("a", new Array<number>(40).fill(600), MONDAY_MS + 9 * 3_600_000);
    const { events, hours } = forecastHost([busy, sample("a", STEADY)], [], OVERHEAD);
    assert.equal(Math.round(events.mid), 86_400 * 5.5);
    assert.deepEqual(
      hours.map(({ weekday, hour, eventsPerSecond }) => [weekday, hour, eventsPerSecond]),
      [
        [0, 0, 1],
        [0, 9, 10],
      ],
    );
  });

  it("without a key has what the others make", () => {
    const all = forecastHost([sample("a", STEADY)], [], OVERHEAD);
    const less = forecastHost([sample("a", STEADY)], [], { ...OVERHEAD, without: new Set(["exec"]) });
    assert.equal(Math.round(less.events.mid), 86_400 / 4);
    assert.equal(less.keys.length, 1);
    assert.deepEqual(less.programs, []);
    assert.ok((less.restBytes?.mid ?? 0) < (all.restBytes?.mid ?? 0) / 2);
    const none = forecastHost([sample("a", STEADY)], [], { ...OVERHEAD, without: new Set(["unheard"]) });
    assert.match(none.notes.join(), /no event with key unheard was seen/);
  });

  it("merges to less an event than was weighed, and to no less than a signature a block", () => {
    const { events, restBytes } = forecastHost([sample("a", STEADY)], [], OVERHEAD);
    const each = (restBytes?.mid ?? 0) / events.mid;
    assert.ok(each < 15 && each > 6.4, String(each));
    assert.ok((restBytes?.high ?? 0) / events.high <= 15.000_1);
  });

  it("of a few minutes says that it is half or twice", () => {
    const { events } = forecastHost([sample("a", [60, 60])], [], OVERHEAD);
    assert.deepEqual([events.low, events.high], [events.mid / 2, events.mid * 2]);
  });
});

describe("a fleet's forecast", () => {
  const web = forecastHost([sample("web1", STEADY)], ["web"], OVERHEAD);
  const database = forecastHost([sample("db1", new Array<number>(10).fill(120))], ["db"], OVERHEAD);

  it("takes hosts without a sample as those of the same groups, else as all", () => {
    assert.equal(likeOthers("web2", ["web"], [web, database])?.events.mid, web.events.mid);
    const other = likeOthers("x", ["cache"], [web, database]);
    assert.equal(other?.events.mid, (web.events.mid + database.events.mid) / 2);
    assert.equal(other?.events.low, web.events.low);
    assert.equal(other?.events.high, database.events.high);
    assert.equal(likeOthers("x", [], []), undefined);
  });

  it("is the sum of its hosts, as many times as is asked", () => {
    const fleet = sumHosts([web, database], 2);
    assert.equal(fleet.hosts, 4);
    assert.equal(fleet.events.mid, 2 * (web.events.mid + database.events.mid));
    const shares = fleet.keys.map(({ key, share }) => [key, Math.round(share * 100)]);
    assert.deepEqual(shares, [
      ["exec", 75],
      ["net", 25],
    ]);
  });

  it("does not take the part that was measured for all", () => {
    const measured = measuredHost(
      "old1",
      [],
      [{ day: "20260101", events: 86_400, bytes: 1000, hours: undefined }],
      1.4,
    );
    assert.ok(measured !== undefined);
    assert.equal(sumHosts([web, measured]).wireBytes, undefined);
    assert.equal(withShare(measured, 0.5).restBytes?.mid, 700);
    assert.equal(measuredHost("new1", [], [], 1.4), undefined);
  });

  it("needs what grows with it, and money by the prices of a file", () => {
    const fleet = sumHosts([web, database]);
    const options = { retentionDays: 30, outageHours: 24, replicas: 3 };
    const needs = needsOf(fleet, options);
    assert.equal(needs.collectors, 2);
    assert.equal(needs.streamBytes?.mid, 3 * (fleet.wireBytes?.mid ?? 0));
    assert.equal(needs.databaseBytes?.mid, 31 * (fleet.restBytes?.mid ?? 0));
    assert.ok(needsOf(sumHosts([web, database], 50_000), options).collectors > 10);
    const file = join(folder, "prices.yaml");
    writeFileSync(
      file,
      'currency: EUR\nprices:\n  - { name: hosts, meter: host, price: 2.5, source: test, date: "2026-01-31" }\n',
    );
    const { total, items, currency } = billOf(readPrices(file), fleet, needs);
    assert.deepEqual(total, { low: 5, mid: 5, high: 5 });
    assert.deepEqual([currency, items[0]?.date], ["EUR", "2026-01-31"]);
  });
});

describe("files of samples and prices", () => {
  const file = join(folder, "file");
  const write = (text: string): string => {
    writeFileSync(file, text);
    return file;
  };

  it("come back as they were written", () => {
    const one = sample("a", STEADY);
    assert.deepEqual(readSample(write(sampleText(one))), one);
  });

  it("are refused with the place and what is allowed", () => {
    const text = sampleText(sample("a", [60]));
    assert.throws(() => readSample(write(text.replace('"version":1', '"version":2'))), /version is 2; allowed are 1/);
    assert.throws(() => readSample(write(text.replace('"key":1', '"key":9'))), /names key 9; allowed are 0 to 1/);
    assert.throws(() => readSample(write(text.replace('"seconds":60', '"seconds":0'))), /seconds is 0; it must be > 0/);
    assert.throws(() => readSample(write(text.slice(0, 200))), /file/);
    assert.throws(() => readSample(write("{}")), /lacks "minutes"/);
    assert.throws(
      () =>
        readPrices(write("currency: EUR\nprices: [{ name: x, meter: moon, price: 1, source: s, date: '2026-01-01' }]")),
      /meter is "moon"; allowed are database_gib/,
    );
  });

  it("have an example that names each meter and no price of anybody's", () => {
    const path = new URL("../../../packaging/collector/examples/prices.yaml", import.meta.url).pathname;
    for (const { source } of readPrices(path).prices) assert.match(source, /^example/);
    for (const meter of Object.keys(METERS)) assert.ok(readFileSync(path, "utf8").includes(meter), meter);
  });
});
