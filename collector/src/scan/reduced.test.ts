import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { compileFilter } from "@hosttrail/lib/predicate";
import { arrivalOf, MemoryHistory } from "../history/fixture.ts";
import { History, MovedError } from "../history/index.ts";
import type { Reduce, Reduced } from "../reduce/index.ts";
import { DAY, dayRange, sourceOf } from "./fixture.ts";
import { ScanPool, scanReduced, ScanReport, type ScanSource, scanSource } from "./index.ts";

const BLOCKS = 3;
const BLOCK_EVENTS = 1500;
const HOSTS = ["a", "b", "c"].map((digit) => digit.repeat(32));
/** Arguments of one event in a hundred: their combinations are more than a thread sends at once. */
const MANY_ARGS = Array.from({ length: 120 }, (_, at) => `argument-${at}`);

function blockOf(hostId: string, firstSeq: number, events: number): ReturnType<typeof arrivalOf> {
  return arrivalOf(
    { hostId, firstSeq: BigInt(firstSeq), place: "00000000" },
    Array.from({ length: events }, (_each, index) => ({
      timeUnixNano: BigInt((firstSeq + index) % 1000),
      action: index % 7 === 0 ? "seventh" : `other-${index % 50}`,
      ...(index % 100 === 0 ? { args: MANY_ARGS } : {}),
    })),
  );
}

/** A segment for each host, large enough for a thread, and a small one of another host beside them. */
function memoryOf(): MemoryHistory {
  const large = HOSTS.flatMap((hostId) =>
    Array.from({ length: BLOCKS }, (_, at) => blockOf(hostId, at * BLOCK_EVENTS, BLOCK_EVENTS)),
  );
  return new MemoryHistory([blockOf("d".repeat(32), 500, 20)], [...large, blockOf("e".repeat(32), 500, 30)]);
}

const COUNT: Reduce = { groupBy: [], metrics: [], histogram: undefined };
const QUESTIONS: Readonly<Record<string, Reduce>> = {
  "a count": COUNT,
  groups: { groupBy: ["event.action"], metrics: [], histogram: undefined },
  "groups by lists, metrics and a histogram": {
    groupBy: ["event.action", "process.args"],
    metrics: [
      { kind: "distinct", field: "event.id" },
      { kind: "max", field: "process.command_line" },
      { kind: "sum", field: "event.sequence" },
    ],
    histogram: { seconds: 1, firstStretch: 0 },
  },
};
/** 14,400 combinations for each of 45 events. */
const TOO_LARGE: Reduce = { groupBy: ["process.args", "process.args"], metrics: [], histogram: undefined };

interface Found {
  /** By unit; the numbers of the events themselves where these were given. */
  parts: Record<string, Reduced | readonly number[]>;
  report: ScanReport;
}

async function ask(source: ScanSource, text: string, reduce: Reduce, startNano = 100n): Promise<Found> {
  const found: Found = { parts: {}, report: new ScanReport() };
  const request = {
    filter: compileFilter(text),
    hosts: undefined,
    startNano,
    endNano: DAY,
    order: "any" as const,
    budget: { timeMs: 1e9, bytes: 1e12, events: 1e12 },
    signal: new AbortController().signal,
    reduce,
  };
  for await (const part of scanReduced(source, request, found.report))
    found.parts[part.unit.id] = "reduced" in part ? part.reduced : part.matches;
  return found;
}

const allOf = ({ scanned, matched, bytes, unreadable }: ScanReport): unknown => ({
  scanned,
  matched,
  bytes,
  unreadable,
});

describe("threads that reduce", () => {
  const pool = new ScanPool(2);
  before(async () => {
    pool.start();
    while (!pool.isReady) await sleep(10);
  });
  after(() => pool.close());

  for (const [what, reduce] of Object.entries(QUESTIONS)) {
    it(`give what the process itself makes of the same units: ${what}`, async () => {
      const memory = memoryOf();
      for (const text of ["", "event.action = seventh", "event.action = nothing"]) {
        const there = await ask(scanSource(new History(memory), dayRange, pool), text, reduce);
        const here = await ask(sourceOf(memory), text, reduce);
        const isNothing = text === "event.action = nothing";
        assert.equal(there.report.steps.get("read")?.times ?? 0, isNothing ? 0 : HOSTS.length);
        assert.equal(here.report.steps.has("read"), false);
        assert.deepEqual(there.parts, here.parts);
        assert.deepEqual(allOf(there.report), allOf(here.report));
        const parts = Object.values(there.parts) as Reduced[];
        assert.equal(parts.length, isNothing ? 0 : HOSTS.length + 2);
        assert.equal(
          parts.reduce((sum, { events }) => sum + events, 0),
          there.report.matched,
        );
      }
    });
  }

  it("send the events where what is made of them would be more", async () => {
    const memory = memoryOf();
    const there = await ask(scanSource(new History(memory), dayRange, pool), "", TOO_LARGE);
    assert.deepEqual(there.parts, (await ask(sourceOf(memory), "", TOO_LARGE)).parts);
    const large = Object.values(there.parts).filter((part): part is number[] => Array.isArray(part));
    assert.deepEqual(
      large.map(({ length }) => length),
      // Without those of the first hundred nanoseconds, which come five times.
      HOSTS.map(() => BLOCKS * BLOCK_EVENTS - 5 * 100),
    );
    assert.equal(there.report.matched, (await ask(sourceOf(memory), "", COUNT)).report.matched);
  });

  it("keep nothing opened of what was only counted, and read nothing again that is opened", async () => {
    const history = new History(memoryOf());
    const source = scanSource(history, dayRange, pool);
    for (let turn = 0; turn < 2; turn++) {
      const { report } = await ask(source, "", COUNT);
      assert.equal(report.steps.get("read")?.times, HOSTS.length);
      assert.ok(report.bytes > 0);
    }
    const reading = await history.begin({ hosts: undefined, startNano: 0n, endNano: DAY });
    const kept = (await reading.units("00000000")).filter(({ from }) => "entry" in from);
    assert.deepEqual(
      kept.filter((unit) => history.opened(unit) !== undefined),
      [],
    );
    const [first] = kept;
    if (first !== undefined) await history.open(first);
    const { report } = await ask(source, "", COUNT);
    const isFirstLarge = (first?.events ?? 0) > BLOCK_EVENTS;
    assert.equal(report.steps.get("read")?.times, isFirstLarge ? HOSTS.length - 1 : HOSTS.length);
  });

  it("name what is damaged, and count the rest", async () => {
    const memory = memoryOf();
    const [damaged = ""] = memory.payloads.keys();
    const bytes = Uint8Array.from(memory.payloads.get(damaged) ?? []);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    memory.payloads.set(damaged, bytes);
    const { parts, report } = await ask(scanSource(new History(memory), dayRange, pool), "", COUNT);
    assert.equal(Object.keys(parts).length, HOSTS.length + 1);
    assert.match(report.unreadable[0]?.reason ?? "", /bytes: not those that were stored: SHA-256/);
    assert.deepEqual(allOf(report), allOf((await ask(sourceOf(memory), "", COUNT)).report));
  });

  it("count of units that took another's place only that one's events", async () => {
    const memory = memoryOf();
    const source = scanSource(new History(memory), dayRange, pool);
    const whole = await ask(source, "", QUESTIONS["groups"] ?? COUNT);
    let moved = 0;
    const moving: ScanSource = {
      ...source,
      read: async (unit, job, asking) => {
        if (job.only === undefined && unit.events > BLOCK_EVENTS && moved++ === 0) throw new MovedError("elsewhere");
        return await source.read(unit, job, asking);
      },
    };
    const { parts, report } = await ask(moving, "", QUESTIONS["groups"] ?? COUNT);
    assert.equal(moved, HOSTS.length);
    assert.deepEqual(parts, whole.parts);
    assert.equal(report.matched, whole.report.matched);
  });
});
