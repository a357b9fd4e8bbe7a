import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BlockError } from "@hosttrail/lib/block";
import { TestRulesRequest } from "@hosttrail/proto/rule";
import { arrivalOf, MemoryHistory } from "../history/fixture.ts";
import { History, type Unit } from "../history/index.ts";
import type { Arrival } from "../model/index.ts";
import { TrialParts } from "./gather.ts";
import { Trial, TrialEndedError, type TrialSource } from "./run.ts";
import { Tally, TrialTooWideError } from "./tally.ts";

const HOUR_NANO = 3_600_000_000_000n;
const DAY_NANO = 24n * HOUR_NANO;
const START_NANO = 20_000n * DAY_NANO;
const A = "a".repeat(32);
const B = "b".repeat(32);

const rule = (title: string, part: string): { path: string; text: string } => ({
  path: `${title}.yml`,
  text: `title: ${title}\nname: ${title}\nlogsource: {product: linux, category: process_creation}\ndetection: {s: {CommandLine|contains: ${part}}, condition: s}\n`,
});

function seal(hostId: string, firstSeq: bigint, hours: readonly number[], word: string): Arrival {
  const events = hours.map((hour) => ({
    timeUnixNano: START_NANO + BigInt(hour) * HOUR_NANO + 5n,
    action: "executed",
    args: [word],
  }));
  const place = new Date(Number(events[0]?.timeUnixNano ?? 0n) / 1e6).toISOString().slice(0, 10).replaceAll("-", "");
  return arrivalOf({ hostId, firstSeq, place }, events);
}

function sourceOf(memory: MemoryHistory): TrialSource {
  const history = new History(memory);
  return {
    begin: (query) => history.begin(query),
    sieveOf: (unit) => history.sieveOf(unit),
    payloadOf: (unit) => history.payloadOf(unit),
    dayRange(day) {
      const date = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`;
      const startNano = BigInt(Date.parse(`${date}T00:00:00Z`)) * 1_000_000n;
      return { startNano, endNano: startNano + DAY_NANO };
    },
  };
}

const everything = {
  placeholders: new Map<string, readonly string[]>(),
  hosts: undefined,
  isAllowed: () => true,
  startNano: START_NANO,
  endNano: START_NANO + 10n * DAY_NANO,
  threads: 2,
  signal: new AbortController().signal,
};

const memoryOf = (): MemoryHistory =>
  new MemoryHistory(
    [seal(A, 100n, [30, 31], "Wget")],
    [seal(A, 0n, [0, 0, 1, 5, 5, 5, 5], "wget x"), seal(B, 0n, [0, 1], "curl"), seal(B, 10n, [24, 25, 26], "wget y")],
  );

/** Segments of host B end the thread that reads them: what is listed of them is not of the kind that it takes. */
function poisoned(source: TrialSource): TrialSource {
  const sha256 = undefined as unknown as Uint8Array;
  return {
    ...source,
    async begin(query) {
      const reading = await source.begin(query);
      const units = async (place: string): Promise<Unit[]> =>
        (await reading.units(place)).map((unit) =>
          unit.hostId === B && "entry" in unit.from
            ? { ...unit, from: { entry: { ...unit.from.entry, sha256 } } }
            : unit,
        );
      return { ...reading, units };
    },
  };
}

describe("a trial of rules", () => {
  it("tells matches and alerts by rule, host and day, with some of the events", async () => {
    const files = [rule("fetch", "wget"), rule("curl", "CURL"), rule("never", "masscan")];
    const trial = new Trial(sourceOf(memoryOf()), { ...everything, files });
    await trial.run();
    const { found, problems, unreadable, eventsScanned, eventsToScan, bytesScanned, isMore } = trial.take();
    assert.deepEqual([problems, unreadable, isMore], [[], [], false]);
    assert.deepEqual([eventsScanned, eventsToScan], [14n, 14n]);
    assert.ok(bytesScanned > 14n * 8n, String(bytesScanned));
    const rows = found.map(({ ruleKey, hostId, day, matches, alerts, eventIds }) =>
      [ruleKey, hostId.slice(0, 1), day, matches, alerts, eventIds.length].join(" "),
    );
    assert.deepEqual(rows.sort(), [
      "curl b 2024-10-04 2 2 2",
      "fetch a 2024-10-04 7 3 5",
      "fetch a 2024-10-05 2 2 2",
      "fetch b 2024-10-05 3 3 3",
    ]);
    assert.equal(trial.matches, 14);
    assert.equal(
      found.find(({ ruleKey }) => ruleKey === "curl")?.eventIds[0],
      `${B}-0000000000000001-0000000000000000`,
    );
    // What was told is not told again.
    assert.deepEqual(trial.take().found, []);
  });

  it("takes what stands for placeholders", async () => {
    const text = rule("tools", "x").text.replace("CommandLine|contains: x", "'CommandLine|contains|expand': '%tools%'");
    const about = { ...everything, files: [{ path: "tools.yml", text }] };
    const trial = new Trial(sourceOf(memoryOf()), { ...about, placeholders: new Map([["tools", ["curl", "nc"]]]) });
    await trial.run();
    assert.deepEqual([trial.matches, trial.take().problems], [2, []]);
    const without = new Trial(sourceOf(memoryOf()), about);
    await without.run();
    assert.match(without.take().problems[0]?.message ?? "", /%tools%|placeholder/);
  });

  it("asks for nothing of hosts that may no longer be seen, nor beside the time range", async () => {
    const source = sourceOf(memoryOf());
    const files = [rule("fetch", "wget")];
    const seen = new Trial(source, { ...everything, files, isAllowed: (hostId) => hostId !== B });
    await seen.run();
    assert.deepEqual(new Set(seen.take().found.map(({ hostId }) => hostId)), new Set([A]));
    const range = { startNano: START_NANO + HOUR_NANO, endNano: START_NANO + 25n * HOUR_NANO };
    const short = new Trial(source, { ...everything, ...range, files });
    await short.run();
    assert.equal(short.matches, 5 + 1);
    const none = new Trial(source, { ...everything, files, hosts: new Set<string>() });
    await none.run();
    assert.deepEqual([none.matches, none.take().eventsScanned], [0, 0n]);
  });

  it("fetches no payload of which the sieve says no", async () => {
    const source = sourceOf(memoryOf());
    let fetched = 0;
    const counting: TrialSource = {
      ...source,
      payloadOf: async (unit) => {
        fetched++;
        return await source.payloadOf(unit);
      },
    };
    const trial = new Trial(counting, { ...everything, files: [rule("curl", "curl")] });
    await trial.run();
    // The segment with the text, and what has arrived and has no sieve yet.
    assert.deepEqual([fetched, trial.matches], [2, 2]);
  });

  it("says what is wrong with rules, and which of them cannot match", async () => {
    const text = (title: string, rest: string): { path: string; text: string } => ({
      path: `${title}.yml`,
      text: `title: ${title}\n${rest}`,
    });
    const files = [
      text("broken", "logsource: {product: linux"),
      text("windows", "logsource: {product: windows}\ndetection: {s: {a: b}, condition: s}\n"),
      text("md5", "logsource: {product: linux, category: process_creation}\ndetection: {s: {md5: b}, condition: s}\n"),
      text("key", "logsource: {product: linux, service: auditd}\ndetection: {s: {key: mine}, condition: s}\n"),
      rule("fetch", "wget"),
      text("often", "correlation: {type: event_count, rules: [fetch], timespan: 1h, condition: {gte: 2}}\n"),
    ];
    const trial = new Trial(sourceOf(memoryOf()), { ...everything, files });
    await trial.run();
    const { problems, found } = trial.take();
    const told = problems.map(({ file, message, rejected }) => `${file} ${rejected} ${message}`).sort();
    assert.equal(told.length, 4, told.join("\n"));
    assert.match(told[0] ?? "", /^broken\.yml true /);
    assert.match(told[1] ?? "", /^md5\.yml false cannot match: md5 is never there/);
    assert.match(told[2] ?? "", /^often\.yml false a correlation is not held against history/);
    assert.match(told[3] ?? "", /^windows\.yml false cannot match: .*product windows/);
    // Its rule only serves it.
    assert.deepEqual(new Set(found.map(({ ruleKey, alerts }) => `${ruleKey} ${alerts}`)), new Set(["fetch 0"]));
  });

  it("names what is damaged, and goes on; fails where the database does", async () => {
    const memory = memoryOf();
    for (const [key, bytes] of memory.payloads) if (key.includes(A)) bytes[40] = (bytes[40] ?? 0) ^ 1;
    const trial = new Trial(sourceOf(memory), { ...everything, files: [rule("fetch", "wget")] });
    await trial.run();
    const { unreadable, found, eventsScanned } = trial.take();
    assert.equal(unreadable.length, 1);
    assert.match(unreadable[0] ?? "", new RegExp(`^7 events of host ${A}, 2024-10-04T00.* not those that were stored`));
    assert.equal(
      found.reduce((sum, { matches }) => sum + matches, 0n),
      5n,
    );
    assert.equal(eventsScanned, 14n);

    const source = sourceOf(memory);
    const payloadOf = async (): Promise<Uint8Array> => await Promise.reject(new TypeError("no database"));
    const failing = new Trial({ ...source, payloadOf }, { ...everything, files: [rule("fetch", "wget")] });
    await assert.rejects(failing.run(), /no database/);
    const gone = async (): Promise<Uint8Array> =>
      await Promise.reject(new BlockError("SEGMENT_MALFORMED", "here", "gone"));
    const missing = new Trial({ ...source, payloadOf: gone }, { ...everything, files: [rule("fetch", "wget")] });
    await missing.run();
    assert.equal(missing.take().unreadable.length, 3);
  });

  it("tries a unit by itself where a thread ended, and ends where threads end again and again", async () => {
    const trial = new Trial(poisoned(sourceOf(memoryOf())), {
      ...everything,
      threads: 1,
      files: [rule("fetch", "wget")],
    });
    await trial.run();
    const { unreadable, found } = trial.take();
    assert.equal(unreadable.length, 1, unreadable.join());
    assert.match(unreadable[0] ?? "", /the thread ended/);
    assert.deepEqual(found.map(({ hostId, matches }) => `${hostId.slice(0, 1)} ${matches}`).sort(), ["a 2", "a 7"]);

    const days = Array.from({ length: 10 }, (_, day) => seal(B, BigInt(day * 10), [24 * day], "wget"));
    const worse = poisoned(sourceOf(new MemoryHistory([], days)));
    await assert.rejects(
      new Trial(worse, { ...everything, threads: 1, files: [rule("fetch", "wget")] }).run(),
      TrialEndedError,
    );
  });

  it("ends at once, without an error, when it is told to", async () => {
    const ending = new AbortController();
    const source = sourceOf(memoryOf());
    const slow: TrialSource = {
      ...source,
      payloadOf: async (unit) => {
        ending.abort();
        return await source.payloadOf(unit);
      },
    };
    const trial = new Trial(slow, { ...everything, files: [rule("fetch", "wget")], signal: ending.signal });
    await trial.run();
    assert.ok(trial.matches < 12, String(trial.matches));
  });
});

describe("a tally", () => {
  const rules = [{ key: "one", title: "One", isSilent: false }];

  it("counts an hour once, however its matches come, and gives out what was not given out", () => {
    const tally = new Tally(rules);
    const day = "2026-01-31";
    tally.add(A, [{ rule: 0, day, matches: 3, hours: 0b101, eventIds: ["1", "2", "3"] }]);
    assert.deepEqual(tally.take(10), [
      { ruleKey: "one", title: "One", hostId: A, day, matches: 3n, alerts: 2n, eventIds: ["1", "2", "3"] },
    ]);
    tally.add(A, [{ rule: 0, day, matches: 4, hours: 0b1101, eventIds: ["4", "5", "6", "7"] }]);
    assert.deepEqual(tally.take(10), [
      { ruleKey: "one", title: "One", hostId: A, day, matches: 4n, alerts: 1n, eventIds: ["4", "5"] },
    ]);
    assert.deepEqual(tally.take(10), []);
    tally.add(A, [{ rule: 0, day: "2026-02-01", matches: 1, hours: 1, eventIds: [] }]);
    tally.add(B, [{ rule: 0, day, matches: 1, hours: 1, eventIds: [] }]);
    assert.deepEqual(
      [tally.take(1), tally.take(1), tally.take(1)].map(({ length }) => length),
      [1, 1, 0],
    );
  });

  it("refuses more than anybody can read", () => {
    const tally = new Tally(rules);
    assert.throws(() => {
      for (let at = 0; at <= 500_000; at++)
        tally.add(String(at), [{ rule: 0, day: "2026-01-31", matches: 1, hours: 1, eventIds: [] }]);
    }, TrialTooWideError);
  });
});

describe("the parts of a request", () => {
  const part = (files: { path: string; text: string }[], hostId = ""): TestRulesRequest =>
    TestRulesRequest.fromPartial({ files, hostId });

  it("make one, in which a file goes on with what comes under its name", () => {
    const parts = new TrialParts();
    parts.add(part([{ path: "a.yml", text: "ti" }], A));
    parts.add(part([{ path: "a.yml", text: "tle" }], B));
    parts.add(part([{ path: "b.yml", text: "x" }]));
    const { files, hostId } = parts.finish();
    assert.equal(hostId, A);
    assert.deepEqual(files, [
      { path: "a.yml", text: "title" },
      { path: "b.yml", text: "x" },
    ]);
  });

  it("are refused where there are none, or too much", () => {
    assert.throws(() => new TrialParts().finish(), /files is 0; allowed are 1 to/);
    assert.throws(() => new TrialParts().add(part([{ path: "", text: "" }])), /files.path is ""/);
    const text = "x".repeat(60_000);
    const large = new TrialParts();
    assert.throws(() => {
      for (let at = 0; at < 300; at++) large.add(part([{ path: "a.yml", text }]));
    }, /16777216 characters in all files together/);
    const many = new TrialParts();
    assert.throws(() => {
      for (let at = 0; at <= 20_000; at++) many.add(part([{ path: `${at}.yml`, text: "" }]));
    }, /allowed are 20000 files/);
  });
});
