import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PeerReduced } from "@hosttrail/proto/peer";
import fc from "fast-check";
import { arrivalOf } from "../history/fixture.ts";
import { openPayload, unitOfArrival } from "../history/index.ts";
import { planOf, type Reduce, reduceAtOnce, type Reduced } from "../reduce/index.ts";
import { PeerMessageError } from "./checked.ts";
import { type ReducedAbout, reducedOf, reduceOf, storedReduce, storedReduced } from "./reduced.ts";

const EVENTS = 60;
const START_NANO = 5_000_000_000n;
const arrival = arrivalOf(
  { hostId: "a".repeat(32), firstSeq: 7n, place: "19700101" },
  Array.from({ length: EVENTS }, (_, at) => ({
    timeUnixNano: START_NANO + BigInt(at) * 700_000_000n,
    action: `action-${at % 7}`,
    ...(at % 3 === 0 ? { args: ["run", String(at % 5), `--level=${at}`] } : {}),
  })),
);
const { events: block } = openPayload(unitOfArrival(arrival), arrival.bytes);
const ALL = Array.from({ length: EVENTS }, (_, at) => at);

const QUESTIONS: readonly Reduce[] = [
  { groupBy: [], metrics: [], histogram: undefined },
  { groupBy: ["event.action"], metrics: [], histogram: { seconds: 3, firstStretch: 1 } },
  {
    groupBy: ["event.action", "process.args"],
    metrics: [
      { kind: "distinct", field: "event.id" },
      { kind: "max", field: "process.command_line" },
      { kind: "sum", field: "event.sequence" },
    ],
    histogram: { seconds: 10, firstStretch: 0 },
  },
];

function aboutOf(reduce: Reduce): ReducedAbout {
  return { reduce, events: EVENTS, startNano: START_NANO, endNano: START_NANO + 1_000_000_000_000n };
}

function reducedBy(reduce: Reduce): Reduced {
  const reduced = reduceAtOnce(block, ALL, planOf(reduce));
  assert.ok(reduced !== undefined);
  return reduced;
}

/** What those who put units together rely on. */
function checkReduced(reduced: Reduced, { reduce }: ReducedAbout): void {
  const groups = reduced.counts.length;
  const { texts, values, firstNano, lastNano, metrics, buckets } = reduced;
  assert.deepEqual(
    [texts.length, values.length, metrics.length],
    [reduce.groupBy.length, reduce.groupBy.length, reduce.metrics.length],
  );
  assert.deepEqual([firstNano.length, lastNano.length], [groups, groups]);
  for (const [at, numbers] of values.entries())
    assert.ok(numbers.length === groups && numbers.every((number) => number <= (texts[at]?.length ?? 0)));
  for (const metric of metrics) {
    if ("hashes" in metric)
      assert.deepEqual([metric.offsets.length, metric.offsets.at(-1)], [groups + 1, metric.hashes.length]);
    else if ("texts" in metric)
      assert.ok(metric.best.length === groups && metric.best.every((best) => best <= metric.texts.length));
    else assert.deepEqual([metric.numbers.length, metric.results.length], [groups, groups]);
  }
  assert.equal(buckets !== undefined, reduce.histogram !== undefined);
  if (buckets !== undefined)
    assert.deepEqual([buckets.offsets.length, buckets.offsets.at(-1)], [groups + 1, buckets.counts.length]);
}

describe("reduced units as messages", () => {
  it("say what was asked for and what was made of it", () => {
    for (const reduce of QUESTIONS) {
      assert.deepEqual(reduceOf(storedReduce(reduce)), reduce);
      const reduced = reducedBy(reduce);
      const bytes = PeerReduced.encode(storedReduced(reduced)).finish();
      assert.deepEqual(reducedOf("reduced", PeerReduced.decode(bytes), aboutOf(reduce)), reduced);
    }
  });

  it("are right or refused, whatever was changed on the way", () => {
    let refused = 0;
    const changes = fc.array(fc.tuple(fc.nat(100_000), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.constantFrom(...QUESTIONS), fc.constantFrom(...QUESTIONS), changes, (made, asked, some) => {
        const bytes = PeerReduced.encode(storedReduced(reducedBy(made))).finish();
        for (const [at, value] of some) bytes[at % bytes.length] = value;
        let stored: PeerReduced;
        try {
          stored = PeerReduced.decode(bytes);
        } catch {
          return;
        }
        try {
          checkReduced(reducedOf("reduced", stored, aboutOf(asked)), aboutOf(asked));
        } catch (error) {
          if (!(error instanceof PeerMessageError)) throw error;
          refused++;
        }
      }),
      { numRuns: 3000 },
    );
    assert.ok(refused > 100, `${refused} were refused`);
  });

  it("are refused with what is wrong in which field", () => {
    const [, grouped, all] = QUESTIONS as [Reduce, Reduce, Reduce];
    const { counts } = storedReduced(reducedBy(grouped));
    const wrong: [Reduce, (stored: PeerReduced) => void, RegExp][] = [
      [grouped, (stored) => (stored.events = EVENTS + 1), /^reduced.events is 61; allowed are 1 to 60$/],
      [
        grouped,
        (stored) => (stored.counts = [...counts, 1]),
        /^reduced.group_by\[0\].numbers is 7; allowed are 8 items$/,
      ],
      [grouped, (stored) => (stored.groupBy = []), /^reduced.group_by is 0; allowed are 1, as was asked for$/],
      [
        grouped,
        (stored) => (stored.lastUnixNano[2] = 1n),
        /^reduced.last_unix_nano\[2\] is 1; allowed are from its first/,
      ],
      [grouped, (stored) => (stored.buckets = undefined), /^reduced.buckets is not set$/],
      [
        grouped,
        (stored) => (stored.buckets!.stretches[0] = 20_000),
        /stretches\[0\] is 20000; allowed are less than 16384$/,
      ],
      [
        all,
        (stored) => (stored.metrics[0] = stored.metrics[1]!),
        /^reduced.metrics\[0\] is texts; allowed are distinct$/,
      ],
      [all, (stored) => stored.metrics.pop(), /^reduced.metrics is 2; allowed are 3, as was asked for$/],
    ];
    for (const [reduce, change, message] of wrong) {
      const stored = storedReduced(reducedBy(reduce));
      change(stored);
      assert.throws(() => reducedOf("reduced", stored, aboutOf(reduce)), { name: "PeerMessageError", message });
    }
  });
});
