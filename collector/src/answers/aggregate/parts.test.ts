import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ColumnBlock } from "@hosttrail/lib/block";
import { FIELDS } from "@hosttrail/lib/predicate";
import { Event } from "@hosttrail/proto/event";
import fc from "fast-check";
import { isNumeric, planOf, type Reduce, type Reduced, reduceEvents } from "../../reduce/index.ts";
import { blocksOf } from "../fixture.ts";
import { Aggregation } from "./index.ts";

const START_SECOND = 1_700_000_000;
const SPAN_SECONDS = 600;
const LIMIT = 10_000;
const NAMES = ["sh", "ls", "cat", ""];
const PATHS = ["/etc/passwd", "/tmp/a", "/tmp/b", "/var/log/wtmp"];

/** Few different values, so that groups have several events, and lists, of which an event is in several groups. */
const someEvent = fc
  .record({
    offsetNano: fc.bigInt(0n, BigInt(SPAN_SECONDS) * 1_000_000_000n - 1n),
    action: fc.constantFrom("executed", "opened-file", ""),
    outcome: fc.constantFrom("success", "failure", ""),
    name: fc.constantFrom(...NAMES),
    pid: fc.integer({ min: 0, max: 5 }),
    args: fc.array(fc.constantFrom(...NAMES, "-a", "-b"), { maxLength: 4 }),
    paths: fc.array(fc.constantFrom(...PATHS), { maxLength: 3 }),
    user: fc.constantFrom("root", "deploy", undefined),
    exit: fc.bigInt(-3n, 3n),
    keys: fc.array(fc.constantFrom("exec", "open"), { maxLength: 2 }),
  })
  .map(({ offsetNano, action, outcome, name, pid, args, paths, user, exit, keys }) =>
    Event.fromPartial({
      event: { timeUnixNano: BigInt(START_SECOND) * 1_000_000_000n + offsetNano, action, outcome },
      process: { pid, name, executable: name === "" ? "" : `/usr/bin/${name}`, args },
      ...(user === undefined ? {} : { user: { name: user, id: user.length } }),
      files: paths.map((path) => ({ path, inode: BigInt(path.length) })),
      audit: { keys, syscall: { name: action, exit } },
    }),
  );

/** Fields that tell where in its trail an event is: of another block they are others. */
const PLACES = new Set(["event.id", "event.sequence"]);
const anyField = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...[...FIELDS.keys()].filter((name) => !PLACES.has(name))) },
  {
    weight: 2,
    arbitrary: fc.constantFrom("process.args", "file.path", "process.name", "process.pid", "user.name", "audit.key"),
  },
);
const metric = fc
  .record({ kind: fc.constantFrom("distinct", "min", "max", "sum", "average"), field: anyField } as const)
  .filter(({ kind, field }) => {
    const known = FIELDS.get(field);
    return (kind !== "sum" && kind !== "average") || (known !== undefined && isNumeric(known));
  });
const question: fc.Arbitrary<Reduce> = fc.record({
  groupBy: fc.array(anyField, { maxLength: 4 }),
  metrics: fc.array(metric, { maxLength: 4 }),
  histogram: fc.option(
    fc.constantFrom(1, 60, 3600).map((seconds) => ({ seconds, firstStretch: Math.floor(START_SECOND / seconds) })),
    { nil: undefined },
  ),
});

function reducedOf(block: ColumnBlock, events: readonly number[], reduce: Reduce, weightMax?: number): Reduced[] {
  // As another thread would get them.
  return Array.from(reduceEvents(block, events, planOf(reduce), weightMax), (reduced) => structuredClone(reduced));
}

function answerOf(reduce: Reduce, parts: readonly Reduced[]): ReturnType<Aggregation["answer"]> {
  const aggregation = new Aggregation(planOf(reduce), LIMIT);
  for (const part of parts) aggregation.add(part);
  return aggregation.answer();
}

describe("What parts of events come to", () => {
  it("is what all of them come to at once, however they are parted, bounded and put together", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(someEvent, fc.nat(3)), { minLength: 1, maxLength: 40 }),
        question,
        fc.integer({ min: 1, max: 30 }),
        fc.infiniteStream(fc.nat()),
        (placed, reduce, weightMax, order) => {
          const [whole] = blocksOf(placed.map(([event]) => event));
          const all = whole === undefined ? [] : reducedOf(whole, [...placed.keys()], reduce);
          assert.equal(all.length, 1);
          const parts = [...Map.groupBy(placed, ([, place]) => place).values()].flatMap((some, at) => {
            const [block] = blocksOf(some.map(([event]) => event));
            // Half of them in pieces, even of one event.
            return block === undefined
              ? []
              : reducedOf(block, [...some.keys()], reduce, at % 2 === 0 ? weightMax : undefined);
          });
          const shuffled = parts
            .map((part) => ({ part, key: order.next().value }))
            .sort((a, b) => a.key - b.key)
            .map(({ part }) => part);
          assert.deepEqual(answerOf(reduce, shuffled), answerOf(reduce, all));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("is found among some events of a block, too", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(someEvent, fc.boolean()), { maxLength: 40 }), question, (placed, reduce) => {
        const [block] = blocksOf(placed.map(([event]) => event));
        const taken = placed.flatMap(([, isTaken], at) => (isTaken ? [at] : []));
        const [alone] = blocksOf(placed.flatMap(([event, isTaken]) => (isTaken ? [event] : [])));
        const some = block === undefined ? [] : reducedOf(block, taken, reduce);
        const own = alone === undefined ? [] : reducedOf(alone, [...taken.keys()], reduce);
        assert.deepEqual(answerOf(reduce, some), answerOf(reduce, own));
      }),
      { numRuns: 200 },
    );
  });
});
