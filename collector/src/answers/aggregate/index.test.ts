import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ColumnBlock } from "@hosttrail/lib/block";
import { FIELDS, type Field, refsOf } from "@hosttrail/lib/predicate";
import { Event } from "@hosttrail/proto/event";
import { allOf, blocksOf, readTrail } from "../fixture.ts";
import { isNumeric, NanoTimes, numberOfText, reduceEvents, type ReducePlan } from "../../reduce/index.ts";
import { saidForms } from "../../reduce/values.ts";
import { DistinctRoom, DistinctSet } from "./distinct.ts";
import { Aggregation } from "./index.ts";

const trail = blocksOf([...readTrail("admin").slice(0, 1500), ...readTrail("web").slice(0, 700)]);

function fieldOf(name: string): Field {
  return FIELDS.get(name) ?? assert.fail(name);
}

/** Values of a field of one event: every row that it refers to, one after the other. */
function valuesOf(field: Field, block: ColumnBlock, event: number): string[] {
  const { rows: found, offsets } = refsOf(field.column)(block);
  const rows = offsets === undefined ? [found[event] ?? 0] : [...found.subarray(offsets[event], offsets[event + 1])];
  return [...new Set(rows.flatMap((row) => (row === 0 ? [] : saidForms(field, field.rows(block)[row - 1]))))];
}

interface Plain {
  count: number;
  first: bigint;
  last: bigint;
  values: Map<Field, string[]>;
  buckets: Map<number, number>;
}

const UNSET = "\0unset";

/** The same, from events that are looked at one by one. */
function plainly({ groupBy, metrics, histogram }: ReducePlan, blocks: readonly ColumnBlock[]): Map<string, Plain> {
  const groups = new Map<string, Plain>();
  for (const block of blocks) {
    for (let event = 0; event < block.count; event++) {
      let keys: string[][] = [[]];
      for (const field of groupBy) {
        const values = valuesOf(field, block, event);
        keys = keys.flatMap((key) => (values.length === 0 ? [UNSET] : values).map((value) => [...key, value]));
      }
      const time = block.columns.time[event] ?? 0n;
      for (const key of keys.map((each) => JSON.stringify(each))) {
        const group = groups.get(key) ?? { count: 0, first: time, last: time, values: new Map(), buckets: new Map() };
        groups.set(key, group);
        group.count++;
        if (time < group.first) group.first = time;
        if (time > group.last) group.last = time;
        for (const { field } of new Map(metrics.map((metric) => [metric.field, metric])).values())
          group.values.set(field, (group.values.get(field) ?? []).concat(valuesOf(field, block, event)));
        if (histogram === undefined) continue;
        const start = Number(time / (1_000_000_000n * BigInt(histogram.seconds))) * histogram.seconds;
        group.buckets.set(start, (group.buckets.get(start) ?? 0) + 1);
      }
    }
  }
  return groups;
}

function metricOf(kind: string, field: Field, values: readonly string[]): string {
  if (kind === "distinct") return String(new Set(values).size);
  if (!isNumeric(field)) {
    const sorted = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    return String(kind === "min" ? sorted[0] : sorted.at(-1));
  }
  const numbers = values.map(Number).filter((value) => !Number.isNaN(value));
  if (numbers.length === 0) return "undefined";
  const sum = numbers.reduce((a, b) => a + b, 0);
  if (kind === "sum") return String(sum);
  if (kind === "average") return String(sum / numbers.length);
  return String(kind === "min" ? Math.min(...numbers) : Math.max(...numbers));
}

function addTrail(aggregation: Aggregation, plan: ReducePlan): void {
  for (const block of trail) for (const reduced of reduceEvents(block, allOf(block), plan)) aggregation.add(reduced);
}

function agrees(plan: ReducePlan): void {
  const aggregation = new Aggregation(plan, LIMIT);
  addTrail(aggregation, plan);
  const expected = plainly(plan, trail);
  const { groups, groupsLeftOut, events } = aggregation.answer();
  assert.equal(
    Number(events),
    trail.reduce((sum, { count }) => sum + count, 0),
  );
  assert.equal(groups.length + Number(groupsLeftOut), expected.size);
  for (const { values, count, metrics, buckets, firstTime, lastTime } of groups) {
    const key = JSON.stringify(values.map(({ text }) => text ?? UNSET));
    const plain = expected.get(key) ?? assert.fail(`${key} is no group`);
    assert.equal(Number(count), plain.count, key);
    for (const [time, of] of [
      [plain.first, firstTime],
      [plain.last, lastTime],
    ] as const)
      assert.equal(time, (of?.seconds ?? 0n) * 1_000_000_000n + BigInt(of?.nanos ?? 0), key);
    for (const [at, { kind, field }] of plan.metrics.entries()) {
      const told = metrics[at]?.value;
      assert.equal(String(told?.value), metricOf(kind, field, plain.values.get(field) ?? []), `${key} ${kind}`);
    }
    assert.deepEqual(
      buckets.map((bucket) => [Number(bucket.startTime?.seconds), Number(bucket.count)]),
      [...plain.buckets].sort(([a], [b]) => a - b),
      key,
    );
  }
}

const LIMIT = 10_000;

describe("Counting events by groups", () => {
  it("gives what counting event by event gives, for every field", () => {
    for (const [name, field] of FIELDS) {
      const kinds = isNumeric(field)
        ? (["distinct", "min", "max", "sum", "average"] as const)
        : (["distinct", "min", "max"] as const);
      assert.doesNotThrow(() => agrees({ groupBy: [field], metrics: [], histogram: undefined }), name);
      const metrics = kinds.map((kind) => ({ kind, field }));
      agrees({ groupBy: [fieldOf("event.action")], metrics, histogram: undefined });
    }
  });

  const several: [string, string[]][] = [
    ["two fields", ["process.executable", "user.name"]],
    ["lists", ["file.path", "event.category", "event.type"]],
    ["four fields", ["process.args", "host.ip", "audit.key", "event.outcome"]],
    ["no field", []],
  ];
  for (const [what, names] of several) {
    it(`gives the same by ${what}, with a histogram`, () => {
      const seconds = 60;
      const least = trail.flatMap((block) => [...block.columns.time]).reduce((a, b) => (a < b ? a : b));
      const firstStretch = Number(least / (BigInt(seconds) * 1_000_000_000n));
      const histogram = { seconds, firstStretch };
      const metrics = [{ kind: "distinct" as const, field: fieldOf("process.entity_id") }];
      agrees({ groupBy: names.map(fieldOf), metrics, histogram });
    });
  }

  it("tells the most frequent groups and what it leaves out", () => {
    const plan = { groupBy: [fieldOf("process.executable")], metrics: [], histogram: undefined };
    const aggregation = new Aggregation(plan, 3);
    addTrail(aggregation, plan);
    const expected = [...plainly(plan, trail)].sort(([, a], [, b]) => b.count - a.count);
    const { groups, groupsLeftOut, eventsLeftOut } = aggregation.answer();
    assert.deepEqual(
      groups.map(({ count }) => Number(count)),
      expected.slice(0, 3).map(([, { count }]) => count),
    );
    assert.equal(Number(groupsLeftOut), expected.length - 3);
    assert.equal(
      Number(eventsLeftOut),
      expected.slice(3).reduce((sum, [, { count }]) => sum + count, 0),
    );
    assert.deepEqual(
      aggregation.answer(true).groups.map(({ count }) => count),
      groups.map(({ count }) => count),
    );
  });

  it("says how wrong counts may be where there are more groups than it has room for", () => {
    const field = fieldOf("process.entity_id");
    for (const metrics of [[], [{ kind: "distinct" as const, field: fieldOf("event.action") }]]) {
      const start = Number((trail[0]?.columns.time[0] ?? 0n) / 60_000_000_000n) - 10_000;
      const histogram = { seconds: 60, firstStretch: start };
      const plan = { groupBy: [field, fieldOf("event.outcome")], metrics, histogram };
      const bounds = { groupsMax: 300, distinctGroupsMax: 300, bucketsMax: 1000 };
      const aggregation = new Aggregation(plan, LIMIT, bounds);
      addTrail(aggregation, plan);
      const { groups, approximate, countErrorMax, groupsLeftOut } = aggregation.answer();
      const expected = plainly({ ...plan, histogram: undefined }, trail);
      assert.ok(approximate && countErrorMax > 0n && expected.size > 300 && groups.length <= 300);
      assert.ok(groupsLeftOut > 0n);
      for (const { values, count, buckets } of groups) {
        const exact = expected.get(JSON.stringify(values.map(({ text }) => text ?? UNSET)))?.count ?? 0;
        assert.ok(Number(count) <= exact && Number(count) + Number(countErrorMax) >= exact, `${count} of ${exact}`);
        assert.equal(
          buckets.reduce((sum, bucket) => sum + bucket.count, 0n),
          count,
        );
      }
      const told = new Set(groups.map(({ values }) => JSON.stringify(values.map(({ text }) => text ?? UNSET))));
      for (const [key, { count }] of expected)
        assert.ok(told.has(key) || count <= Number(countErrorMax), `${key} is missing`);
    }
  });

  it("counts an event with too many combinations of values as approximate", () => {
    const args = Array.from({ length: 300 }, (_, at) => `a${at}`);
    const files = Array.from({ length: 300 }, (_, at) => ({ path: `/f${at}` }));
    const [block] = blocksOf([Event.fromPartial({ event: { timeUnixNano: 1n }, process: { args }, files })]);
    const groupBy = ["process.args", "file.path"].map(fieldOf);
    const plan = { groupBy, metrics: [], histogram: undefined };
    const aggregation = new Aggregation(plan, 10);
    for (const reduced of reduceEvents(block ?? assert.fail(), [0], plan)) aggregation.add(reduced);
    const { approximate, countErrorMax, groupsLeftOut } = aggregation.answer();
    assert.ok(approximate && countErrorMax === 1n && groupsLeftOut > 60_000n && groupsLeftOut <= 65_536n);
  });
});

describe("Counting different values", () => {
  it("is exact for ten thousand, and off by no more than 6 % for any number of them", () => {
    for (const size of [1, 100, 10_000, 10_001, 30_000, 100_000, 400_000]) {
      const set = new DistinctSet(new DistinctRoom(1_000_000));
      for (let twice = 0; twice < 2; twice++) for (let at = 0; at < size; at++) set.add(numberOfText(`value ${at}`));
      const count = set.count();
      if (size <= 10_000) assert.equal(count, size);
      else assert.ok(set.isEstimated && Math.abs(count - size) <= 0.06 * size, `${count} for ${size}`);
    }
  });

  it("gives up exactness where all sets together hold too much, and says so", () => {
    const room = new DistinctRoom(1000);
    const sets = Array.from({ length: 100 }, () => new DistinctSet(room));
    for (let value = 0; value < 1000; value++) for (const set of sets) set.add(numberOfText(String(value)));
    assert.ok(sets.some((set) => set.isEstimated) && sets.some((set) => !set.isEstimated));
    assert.ok(sets.every((set) => Math.abs(set.count() - 1000) < (set.isEstimated ? 80 : 1)));
    const small = new DistinctSet(new DistinctRoom(-1));
    for (let value = 0; value < 64; value++) small.add(numberOfText(String(value)));
    assert.ok(!small.isEstimated && small.count() === 64);
  });
});

describe("The stretch that an event is in", () => {
  it("is exact at its very edges", () => {
    const edges = [0n, 1_700_000_000n, 1_800_000_060n, 3_000_000_000n].flatMap((second) =>
      [-1n, 0n, 1n].map((nano) => second * 1_000_000_000n + nano),
    );
    const times = new NanoTimes(BigInt64Array.from(edges));
    for (const [at, edge] of edges.entries()) {
      const second = edge < 0n ? -1 : Number(edge / 1_000_000_000n);
      for (const seconds of [1, 60, 3600])
        assert.equal(times.stretch(at, seconds), Math.floor(second / seconds), `${edge}`);
    }
  });
});
