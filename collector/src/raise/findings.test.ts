import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { openLogger } from "@hosttrail/lib/log";
import type { CoveragePoll, DiskSample, HostState, Presence } from "../model/index.ts";
import { diskFindings, fullAt } from "./disk.ts";
import { coverageFindings, hostFindings, seenBy, silentFinding, silentSince } from "./findings.ts";
import { type FindingSource, Look } from "./look.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const NOW = Date.UTC(2026, 10, 29, 12);
const SILENT_MS = 15 * MINUTE_MS;
const [HOST, OTHER] = ["a".repeat(32), "b".repeat(32)];

function host(changes: Partial<HostState> = {}): HostState {
  return {
    hostId: HOST,
    name: "web-1",
    lastReceivedMs: NOW - DAY_MS,
    clockOffsetMs: 0,
    clockSinceMs: 0,
    goodbye: "",
    faults: { forkedBlocks: 0, brokenLinks: 0, outsideBlocks: 0, deadBlocks: 0 },
    faultTimes: { forkedMs: 0, brokenMs: 0, missingMs: 0, outsideMs: 0, deadMs: 0 },
    missingEvents: 0,
    ...changes,
  };
}

/** A node that takes blocks since a week, and told just now. */
function node(changes: Partial<Presence> = {}): Presence {
  return { nodeId: "n", startMs: NOW - 7 * DAY_MS, timeMs: NOW - 1000, connected: [], left: [], ...changes };
}

function since(state: HostState, nodes: readonly Presence[], isOpen = false): number | undefined {
  return silentSince(state, seenBy(nodes, NOW), SILENT_MS, NOW, isOpen);
}

describe("a host is silent", () => {
  it("when nothing came for long enough and no node has a stream of it", () => {
    assert.equal(since(host(), [node()]), NOW - DAY_MS);
    assert.equal(since(host({ lastReceivedMs: NOW - SILENT_MS }), [node()]), NOW - SILENT_MS);
    assert.equal(since(host({ lastReceivedMs: NOW - SILENT_MS + 1 }), [node()]), undefined);
    assert.equal(since(host(), [node(), node({ connected: [OTHER, HOST] })]), undefined);
    assert.equal(since(host(), [node({ connected: [OTHER] })]), NOW - DAY_MS);
  });

  it("since it was connected last, though it had nothing to say for days", () => {
    const left = (timeMs: number): Presence => node({ left: [[HOST, timeMs]] });
    assert.equal(since(host(), [left(NOW - MINUTE_MS)]), undefined);
    assert.equal(since(host(), [left(NOW - HOUR_MS)]), NOW - HOUR_MS);
    assert.equal(since(host(), [left(NOW - HOUR_MS), left(NOW - 2 * HOUR_MS)]), NOW - HOUR_MS);
  });

  it("not before it had time to find another node, where its own is gone", () => {
    const gone = (timeMs: number): Presence => node({ nodeId: "gone", timeMs, connected: [HOST] });
    assert.equal(since(host(), [node(), gone(NOW - MINUTE_MS + 1)]), undefined, "it may still be there");
    assert.equal(since(host(), [node(), gone(NOW - 10 * MINUTE_MS)]), undefined);
    assert.equal(since(host(), [node(), gone(NOW - SILENT_MS)]), NOW - SILENT_MS);
  });

  it("not while nobody listened, and not before all who listen did so for as long", () => {
    assert.equal(seenBy([node({ timeMs: NOW - HOUR_MS })], NOW).listeningMs, undefined);
    assert.equal(since(host(), []), undefined);
    assert.equal(since(host(), [node({ timeMs: NOW - HOUR_MS })]), undefined);
    assert.equal(since(host(), [node({ startMs: NOW - SILENT_MS + 1 })]), undefined);
    // It was told before all nodes were started again, and did not come back yet.
    assert.equal(since(host(), [node({ startMs: NOW - 1000 })], true), NOW - DAY_MS);
    assert.equal(since(host(), [node({ startMs: NOW - 1000, connected: [HOST] })], true), undefined);
    assert.equal(since(host(), [node({ startMs: NOW - 1000 }), node({ startMs: NOW - SILENT_MS })]), NOW - DAY_MS);
  });

  it("not where it said that its system goes down, until it was there again", () => {
    const down = host({ goodbye: "going-down" });
    const left = node({ left: [[HOST, down.lastReceivedMs + 2000]] });
    assert.equal(since(down, [node()]), undefined);
    assert.equal(since(down, [left]), undefined);
    assert.equal(since(down, [node({ left: [[HOST, NOW - HOUR_MS]] })]), NOW - HOUR_MS);
    // An agent that was stopped while its host goes on should come back.
    const stopped = host({ goodbye: "stopped" });
    assert.equal(since(stopped, [node()]), NOW - DAY_MS);
    assert.equal(
      silentFinding(stopped, NOW - DAY_MS).title,
      "web-1 is silent since 2026-11-28 12:00 UTC, after its agent was stopped",
    );
    // One that was to end, and was ended before it said goodbye: the loss that may be in that is told.
    const ended = host({ goodbye: "announced" });
    assert.equal(since(ended, [node()]), NOW - DAY_MS);
    assert.match(silentFinding(ended, NOW - DAY_MS).title, /^web-1 is silent since .*: its end was announced/);
  });

  it("at no time that is not the latest of what is known of it, whatever nodes tell", () => {
    const time = fc.integer({ min: NOW - 3 * DAY_MS, max: NOW });
    const nodes = fc.array(
      fc.record({
        nodeId: fc.string(),
        startMs: time,
        timeMs: time,
        connected: fc.subarray([HOST, OTHER]),
        left: fc.array(fc.tuple(fc.constantFrom(HOST, OTHER), time), { maxLength: 3 }),
      }),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(nodes, time, (list, lastReceivedMs) => {
        const silentMs = since(host({ lastReceivedMs }), list);
        if (silentMs === undefined) return;
        assert.ok(NOW - silentMs >= SILENT_MS && silentMs >= lastReceivedMs);
        for (const { timeMs, connected, left } of list) {
          if (connected.includes(HOST)) assert.ok(silentMs >= timeMs && timeMs <= NOW - MINUTE_MS);
          for (const [hostId, endMs] of left) if (hostId === HOST) assert.ok(silentMs >= endMs);
        }
      }),
    );
  });
});

describe("what is wrong with a host's trail and clock", () => {
  const limits = { windowMs: HOUR_MS, clockOffsetMs: 5000 };
  const found = (changes: Partial<HostState>): [string, string][] =>
    hostFindings(host(changes), limits).map(({ key, title }) => [key, title]);

  it("is nothing where nothing is counted", () => {
    assert.deepEqual(found({}), []);
    // Counted before it was kept when.
    assert.deepEqual(found({ faults: { ...host().faults, forkedBlocks: 3 }, missingEvents: 7 }), []);
  });

  it("is one finding for all of a kind in an hour, and another one in the next", () => {
    const forked = (count: number, forkedMs: number): [string, string][] =>
      found({
        faults: { ...host().faults, forkedBlocks: count },
        faultTimes: { ...host().faultTimes, forkedMs },
      });
    const first = `trail-forked/${HOST}/${NOW}`;
    assert.deepEqual(forked(1, NOW), [[first, "Trail of web-1 forked: 1 block with numbers of others"]]);
    assert.deepEqual(forked(2, NOW + HOUR_MS - 1), [[first, "Trail of web-1 forked: 2 blocks with numbers of others"]]);
    assert.equal(forked(3, NOW + HOUR_MS)[0]?.[0], `trail-forked/${HOST}/${NOW + HOUR_MS}`);
  });

  it("is each kind by itself", () => {
    const faults = { forkedBlocks: 1, brokenLinks: 2, outsideBlocks: 3, deadBlocks: 4 };
    const faultTimes = { forkedMs: NOW, brokenMs: NOW, missingMs: NOW, outsideMs: NOW, deadMs: NOW };
    assert.deepEqual(
      found({ faults, faultTimes, missingEvents: 5 }).map(([, title]) => title),
      [
        "Trail of web-1 forked: 1 block with numbers of others",
        "Trail of web-1 broken: 2 links to other blocks than are there",
        "3 blocks of web-1 with impossible times",
        "4 blocks of web-1 not stored",
        "5 events of web-1 are missing",
      ],
    );
    // What was missing came.
    assert.equal(found({ faults, faultTimes, missingEvents: 0 }).length, 4);
  });

  it("is a clock that is off by more than it may be, in either direction", () => {
    const clock = (clockOffsetMs: number): string[] =>
      found({ clockOffsetMs, clockSinceMs: NOW }).map(([key, title]) => `${key} ${title}`);
    assert.deepEqual(clock(5000), []);
    assert.deepEqual(clock(-5000), []);
    assert.deepEqual(clock(90_400), [`clock-off/${HOST} Clock of web-1 is off by +90 s`]);
    assert.deepEqual(clock(-3_600_000), [`clock-off/${HOST} Clock of web-1 is off by -3600 s`]);
  });
});

const GIB = 1024 ** 3;

/** One sample each ten minutes up to now. */
function samples(count: number, usedBytes: (at: number) => number, totalBytes = 100 * GIB): DiskSample[] {
  return Array.from({ length: count }, (_, at) => ({
    timeMs: NOW - (count - 1 - at) * 10 * MINUTE_MS,
    usedBytes: usedBytes(at),
    totalBytes,
  }));
}

describe("the disk of the trail", () => {
  const PER_DAY = 144;
  const closed = (): boolean => false;
  const opened = (): boolean => true;
  const growing = (gibPerDay: number, usedGib: number, count = 432): DiskSample[] =>
    samples(count, (at) => (usedGib - (gibPerDay * (count - 1 - at)) / PER_DAY) * GIB);

  it("is full when what is left is used at the pace of the last days", () => {
    assert.equal(fullAt(growing(5, 50)), NOW + 10 * DAY_MS);
    assert.equal(fullAt(growing(0, 50)), undefined);
    assert.equal(fullAt(growing(-1, 50)), undefined);
  });

  it("is not said to fill by too few samples, or by too short a time", () => {
    assert.equal(fullAt([]), undefined);
    assert.equal(fullAt(growing(5, 50, 11)), undefined);
    assert.equal(fullAt(growing(5, 50, 12)), undefined);
    assert.notEqual(fullAt(growing(5, 50, 13)), undefined);
  });

  it("fills at the same pace, whether a day's history was removed or a burst came", () => {
    const removed = growing(5, 50).map((sample, at) =>
      at > 400 ? { ...sample, usedBytes: sample.usedBytes - 8 * GIB } : sample,
    );
    const burst = growing(5, 50).map((sample, at) =>
      at > 200 && at < 215 ? { ...sample, usedBytes: sample.usedBytes + 20 * GIB } : sample,
    );
    for (const list of [removed, burst]) {
      const last = list.at(-1)?.usedBytes ?? 0;
      const days = ((fullAt(list) ?? 0) - NOW) / DAY_MS;
      const expected = (100 * GIB - last) / (5 * GIB);
      assert.ok(Math.abs(days - expected) < expected / 10, `${days} days, not ${expected}`);
    }
  });

  it("is told two weeks before, with the date, and is over when it will last for three", () => {
    const titles = (list: DiskSample[], isOpen: (key: string) => boolean): string[] =>
      diskFindings(list, NOW, isOpen).map(({ level, title }) => `${level}: ${title}`);
    assert.deepEqual(titles(growing(5, 50), closed), ["medium: Disk of the trail will be full on 2026-12-09"]);
    assert.deepEqual(titles(growing(5, 90), closed), ["high: Disk of the trail will be full on 2026-12-01"]);
    assert.deepEqual(titles(growing(3, 50), closed), []);
    assert.deepEqual(titles(growing(3, 50), opened), ["medium: Disk of the trail will be full on 2026-12-16"]);
    assert.deepEqual(titles(growing(2, 50), opened), []);
    assert.deepEqual(titles([], opened), []);
  });

  it("is told where it is nearly full, however it filled", () => {
    const titles = (usedGib: number, isOpen: (key: string) => boolean): string[] =>
      diskFindings(growing(0, usedGib), NOW, isOpen).map(({ title }) => title);
    assert.deepEqual(titles(95.5, closed), ["Disk of the trail is 95 % full"]);
    assert.deepEqual(titles(94, closed), []);
    assert.deepEqual(titles(94, opened), ["Disk of the trail is 94 % full"]);
    assert.deepEqual(titles(92, opened), []);
  });
});

describe("findings of a cloud", () => {
  const poll = {
    startMs: NOW - MINUTE_MS,
    endMs: NOW,
    accounts: [],
    stale: [],
    calls: [],
    leftOutInstances: 0,
    leftOutHosts: 0,
    refusedClaims: [],
    blindStartMs: 0,
    problems: [],
    counts: {},
  };
  const titles = (changes: Partial<CoveragePoll>, nowMs = NOW): string[] =>
    coverageFindings({ ...poll, ...changes }, nowMs).map(({ key, title }) => `${key}: ${title}`);

  it("are one for all machines without an agent, and one for all that cannot be looked at", () => {
    assert.deepEqual(titles({ counts: { covered: 5, silent: 2 } }), []);
    const problem = {
      account: "111122223333",
      region: "",
      operation: "AssumeRole",
      code: "AccessDenied",
      message: "no",
    };
    const problems = [problem, { ...problem, account: "444455556666" }];
    assert.deepEqual(titles({ counts: { "never-enrolled": 112 }, problems }), [
      "machines-uncovered: 112 machines of the cloud have no agent",
      "cloud-unread: Account 111122223333 cannot be looked at: AssumeRole: AccessDenied, and one more place",
    ]);
  });

  it("are over where nobody looks any more", () => {
    assert.deepEqual(titles({ counts: { "never-enrolled": 1 } }, NOW + 4 * DAY_MS), []);
    assert.deepEqual(coverageFindings(undefined, NOW), []);
  });
});

describe("a look at all", () => {
  const limits = { windowMs: HOUR_MS, clockOffsetMs: 5000, silentMs: SILENT_MS };

  function lookAt(changes: Partial<FindingSource>): (nowMs: number, ...open: string[]) => Promise<string[]> {
    const source: FindingSource = {
      listStates: async () => [],
      listPresences: async () => [node({ timeMs: NOW + HOUR_MS })],
      isRevoked: async () => false,
      readDisk: async () => undefined,
      addSample: async () => undefined,
      samplesSince: async () => [],
      listGaps: async () => [],
      readCoverage: async () => undefined,
      lookAtLedgers: async () => ({ imbalances: [], isWhole: true }),
      ...changes,
    };
    const look = new Look(source, limits, openLogger("test", "error"));
    return async (nowMs, ...open) => {
      const { findings, unjudged } = await look.look((key) => open.includes(key), nowMs);
      return [...findings.map(({ key }) => key), ...Array.from(unjudged, (kind) => `?${kind}`)];
    };
  }

  const UNKNOWN_DISK = ["?disk-filling", "?disk-full"];
  const SILENT = `host-silent/${HOST}`;

  it("tells a silent host when it is so for the second time, half a minute later", async () => {
    const look = lookAt({ listStates: async () => [host()] });
    assert.deepEqual(await look(NOW), UNKNOWN_DISK);
    assert.deepEqual(await look(NOW + 24_999), UNKNOWN_DISK);
    assert.deepEqual(await look(NOW + 25_000), [SILENT, ...UNKNOWN_DISK]);
    // Who goes on from another one's state needs no second time.
    assert.deepEqual(await lookAt({ listStates: async () => [host()] })(NOW, SILENT), [SILENT, ...UNKNOWN_DISK]);
  });

  it("tells no host that was revoked, nor one that is gone for more than a week when it is seen first", async () => {
    const revoked = lookAt({ listStates: async () => [host()], isRevoked: async () => true });
    await revoked(NOW);
    assert.deepEqual(await revoked(NOW + MINUTE_MS), UNKNOWN_DISK);
    const old = lookAt({ listStates: async () => [host({ lastReceivedMs: NOW - 8 * DAY_MS })] });
    await old(NOW);
    assert.deepEqual(await old(NOW + MINUTE_MS), UNKNOWN_DISK);
    assert.deepEqual(await old(NOW + MINUTE_MS, SILENT), [SILENT, ...UNKNOWN_DISK]);
  });

  it("says of nobody that it is silent or not where no node tells who is connected", async () => {
    const look = lookAt({ listStates: async () => [host()], listPresences: async () => [] });
    await look(NOW);
    assert.deepEqual(await look(NOW + MINUTE_MS, SILENT), ["?host-silent", ...UNKNOWN_DISK]);
  });

  it("goes through all hosts, page by page", async () => {
    const all = Array.from({ length: 2500 }, (_, at) =>
      host({ hostId: at.toString(16).padStart(32, "0"), clockOffsetMs: 60_000, clockSinceMs: NOW }),
    );
    const look = lookAt({
      listStates: async (afterId, limit) => all.filter(({ hostId }) => hostId > afterId).slice(0, limit),
    });
    const found = (await look(NOW)).filter((key) => key.startsWith("clock-off/"));
    assert.equal(new Set(found).size, 2500);
  });

  it("tells of ledgers that do not balance, and judges nothing before each was looked at", async () => {
    const [hostId, sinceMs] = ["a".repeat(32), NOW - HOUR_MS];
    const imbalance = { hostId, name: "web1", sinceMs, events: 5, detail: "they were never stored" };
    const look = lookAt({ lookAtLedgers: async () => ({ imbalances: [imbalance], isWhole: false }) });
    const found = await look(NOW);
    assert.ok(found.includes(`ledger-unbalanced/${hostId}/${sinceMs}`), found.join(" "));
    assert.ok(found.includes("?ledger-unbalanced"), found.join(" "));
  });

  it("tells of each time in which blocks passed detection by, unless it is long ago", async () => {
    const gap = (fromMs: number) => ({ fromMs, toMs: fromMs + HOUR_MS });
    const look = lookAt({ listGaps: async () => [gap(NOW - 2 * HOUR_MS), gap(NOW - 30 * 24 * HOUR_MS)] });
    assert.deepEqual(await look(NOW), [`detection-gap/${NOW - 2 * HOUR_MS}`, ...UNKNOWN_DISK]);
  });

  it("samples the disk each ten minutes, and goes by what was kept", async () => {
    const kept: DiskSample[] = samples(432, (at) => (50 + (at * 10) / 432) * GIB);
    const added: DiskSample[] = [];
    const look = lookAt({
      readDisk: async () => ({ usedBytes: 60 * GIB, totalBytes: 100 * GIB }),
      addSample: async (sample) => void added.push(sample),
      samplesSince: async () => kept,
    });
    for (const minutes of [0, 1, 9, 10, 19, 20])
      assert.deepEqual(await look(NOW + minutes * MINUTE_MS), ["disk-filling"]);
    assert.deepEqual(
      added.map(({ timeMs }) => (timeMs - NOW) / MINUTE_MS),
      [0, 10, 20],
    );
  });
});
