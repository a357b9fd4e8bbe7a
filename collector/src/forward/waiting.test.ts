import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Unit } from "../history/index.ts";
import type { SequenceRange } from "../model/index.ts";
import { firstOf, normalized, sizeOf, split, without } from "../ranges/index.ts";
import { eventsOf, joined, partsOf, type Trails, trailOf, trailsFrom, trailsText } from "./trails.ts";
import { batchesOf, cutsOf, waitingIn } from "./waiting.ts";

const NUMBERS_MAX = 40;
const HOSTS = ["a".repeat(32), "b".repeat(32)];

const anyNumbers = fc.uniqueArray(fc.integer({ min: 0, max: NUMBERS_MAX - 1 }), { maxLength: NUMBERS_MAX });
const anyRanges = anyNumbers.map(rangesOf);
const anyTrails = fc
  .uniqueArray(fc.record({ hostId: fc.constantFrom(...HOSTS), epoch: fc.bigInt(0n, (1n << 64n) - 1n) }), {
    selector: trailOf,
    maxLength: 5,
  })
  .chain((trails) =>
    fc
      .array(anyRanges, { minLength: trails.length, maxLength: trails.length })
      .map((ranges): Trails => new Map(trails.map((trail, at) => [trailOf(trail), ranges[at] ?? []]))),
  );

/** The slow way: one range for each number, made one by `normalized`. */
function rangesOf(numbers: readonly number[]): SequenceRange[] {
  return normalized(numbers.map((number) => ({ first: BigInt(number), next: BigInt(number) + 1n })));
}

function numbersOf(ranges: readonly SequenceRange[]): Set<number> {
  const numbers = new Set<number>();
  for (const { first, next } of ranges) for (let at = first; at < next; at++) numbers.add(Number(at));
  return numbers;
}

function unitOf(hostId: string, epoch: bigint, ranges: SequenceRange[]): Unit {
  return { hostId, epoch, ranges } as unknown as Unit;
}

describe("ranges of numbers", () => {
  it("are as sets of numbers, ascending and apart from each other", () => {
    fc.assert(
      fc.property(anyNumbers, anyNumbers, fc.integer({ min: 0, max: NUMBERS_MAX }), (a, b, most) => {
        const [ranges, others] = [rangesOf(a), rangesOf(b)];
        const ascending = (numbers: readonly number[]): number[] => [...new Set(numbers)].toSorted((x, y) => x - y);
        assert.deepEqual([...numbersOf(normalized([...ranges, ...others]))], ascending([...a, ...b]));
        assert.deepEqual([...numbersOf(without(ranges, others))], ascending(a.filter((number) => !b.includes(number))));
        assert.deepEqual(
          [...numbersOf(split(ranges, others).within)],
          ascending(a.filter((number) => b.includes(number))),
        );
        const first = a.toSorted((x, y) => x - y).slice(0, most);
        assert.deepEqual(numbersOf(firstOf(ranges, most)), new Set(first));
        for (const list of [normalized([...ranges, ...others]), without(ranges, others), split(ranges, others).within])
          for (const [at, { first: begin, next }] of list.entries())
            assert.ok(begin < next && (at === 0 || (list[at - 1] as SequenceRange).next <= begin));
      }),
    );
  });
});

describe("trails", () => {
  it("come back from their text, and equal ones have one text", () => {
    fc.assert(
      fc.property(anyTrails, (trails) => {
        const text = trailsText(trails);
        const kept = new Map([...trails].filter(([, ranges]) => ranges.length > 0));
        assert.deepEqual(new Map(trailsFrom(text)), new Map([...kept].sort(([a], [b]) => (a < b ? -1 : 1))));
        assert.equal(trailsText(new Map([...trails].reverse())), text);
        for (const trail of trails.keys()) assert.equal(trailOf(partsOf(trail)), trail);
      }),
    );
  });

  it("are refused, with the line, where they are something else", () => {
    const good = `${"a".repeat(32)}-${"0".repeat(16)} 0-5`;
    assert.throws(() => trailsFrom(`${good}\nnothing 0-5\n`), /^Error: line 2 .*: "nothing 0-5"$/);
  });
});

describe("batches of what waits", () => {
  it("have all that is not done, each number once, and no more than they may", () => {
    fc.assert(
      fc.property(anyTrails, anyTrails, fc.integer({ min: 1, max: 50 }), (stored, other, most) => {
        // What is done is of the same trails.
        const done: Trails = new Map([...stored.keys()].map((trail, at) => [trail, [...other.values()][at] ?? []]));
        const units = Array.from(stored, ([trail, ranges]) => {
          const { hostId, epoch } = partsOf(trail);
          return unitOf(hostId, epoch, ranges);
        });
        const batches = batchesOf(waitingIn(units, done), most);
        for (const batch of batches) assert.ok(eventsOf(batch) <= most && eventsOf(batch) > 0);
        let sum = 0;
        for (const [trail, ranges] of stored) {
          const wanted = without(ranges, done.get(trail) ?? []);
          assert.deepEqual(joined(...batches).get(trail) ?? [], wanted);
          sum += Number(sizeOf(wanted));
        }
        assert.equal(
          batches.reduce((total, batch) => total + eventsOf(batch), 0),
          sum,
        );
      }),
    );
  });

  it("are read in the order of their numbers, however units share these", () => {
    fc.assert(
      fc.property(anyRanges, fc.array(anyRanges, { maxLength: 6 }), (wanted, lists) => {
        const units = lists.map((ranges) => unitOf(HOSTS[0] ?? "", 1n, ranges));
        const cuts = cutsOf(wanted, units);
        const order = cuts.flatMap((cut) => [...numbersOf([cut])]);
        assert.deepEqual(order, [...numbersOf(split(wanted, normalized(lists.flat())).within)]);
        for (const cut of cuts)
          assert.deepEqual(split([cut], cut.unit.ranges).within, [{ first: cut.first, next: cut.next }]);
      }),
    );
  });
});
