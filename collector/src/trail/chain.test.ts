import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { EpochTrail } from "../model/index.ts";
import { EPOCHS_MAX, extendTrail, isTaken, isTold, type Link, missingEvents, RANGES_MAX, untoldHole } from "./index.ts";

const NOW = 1_000_000;

/** A chain of blocks with these counts, as an honest agent makes it. */
function chain(counts: readonly number[], epoch = 7n): Link[] {
  let firstSeq = 0n;
  let previous = "";
  return counts.map((count, at) => {
    const link = { epoch, firstSeq, count, hash: `hash-${epoch}-${at}`, previous };
    firstSeq += BigInt(count);
    previous = link.hash;
    return link;
  });
}

function extendAll(links: readonly Link[]): { trail: EpochTrail[]; statuses: string[] } {
  let trail: EpochTrail[] = [];
  const statuses: string[] = [];
  for (const link of links) {
    assert.ok(!isTaken(trail, link));
    const extended = extendTrail(trail, link, NOW);
    trail = extended.trail;
    statuses.push(extended.status);
  }
  return { trail, statuses };
}

describe("the trail of a host", () => {
  it("is one range without a fault, whatever the order in which its blocks arrive", () => {
    const cases = fc
      .array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: RANGES_MAX })
      .chain((counts) => {
        const links = chain(counts);
        return fc.tuple(fc.constant(links), fc.shuffledSubarray(links, { minLength: links.length }));
      });
    fc.assert(
      fc.property(cases, ([links, shuffled]) => {
        const { trail, statuses } = extendAll(shuffled);
        assert.ok(!statuses.includes("broken"), statuses.join(" "));
        const [epoch] = trail;
        assert.equal(epoch?.ranges.length, 1);
        assert.equal(epoch?.ranges[0]?.last, links.at(-1)?.hash);
        assert.equal(missingEvents(trail, NOW + 1, 0), 0n);
        // And every block of it is known to be there.
        assert.ok(links.every((link) => isTaken(trail, link)));
      }),
    );
  });

  it("finds every overlap with what is there, and nothing else", () => {
    const span = fc.record({ firstSeq: fc.bigInt(0n, 60n), count: fc.integer({ min: 1, max: 12 }) });
    fc.assert(
      fc.property(fc.array(span, { maxLength: 20 }), span, (spans, probe) => {
        let trail: EpochTrail[] = [];
        const numbers = new Set<bigint>();
        for (const { firstSeq, count } of spans) {
          const link = { epoch: 1n, firstSeq, count, hash: `${firstSeq}`, previous: "" };
          if (isTaken(trail, link)) continue;
          trail = extendTrail(trail, link, NOW).trail;
          for (let at = 0; at < count; at++) numbers.add(firstSeq + BigInt(at));
        }
        const own = Array.from({ length: probe.count }, (_, at) => probe.firstSeq + BigInt(at));
        assert.equal(
          isTaken(trail, { epoch: 1n, hash: "", previous: "", ...probe }),
          own.some((number) => numbers.has(number)),
        );
      }),
    );
  });

  it("knows of which numbers it tells, and of which it would not any more", () => {
    const [first, , third] = chain([5, 5, 5]);
    assert.ok(first !== undefined && third !== undefined);
    const { trail } = extendAll([first, third]);
    assert.deepEqual(
      [0n, 4n, 5n, 9n, 10n, 14n, 15n].map((seq) => isTold(trail, 7n, seq)),
      [true, true, false, false, true, true, false],
    );
    assert.equal(isTold(trail, 8n, 0n), false);
    assert.equal(isTold([], 7n, 0n), false);
    assert.equal(isTold([{ ...(trail[0] as EpochTrail), floor: 10n }], 7n, 6n), true);
    const full = Array.from({ length: EPOCHS_MAX }, (_, at) => ({
      ...(trail[0] as EpochTrail),
      epoch: BigInt(at) + 100n,
    }));
    assert.equal(isTold(full, 7n, 0n), true);
  });

  it("tells a block that names another one before it, on either side", () => {
    const [first, second, third] = chain([5, 5, 5]);
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    const wrong = { ...second, previous: "another" };
    assert.deepEqual(extendAll([first, wrong]).statuses, ["first", "broken"]);
    assert.deepEqual(extendAll([wrong, first]).statuses, ["first", "broken"]);
    // Whoever fills the hole must fit to what comes after it.
    assert.deepEqual(extendAll([first, third, { ...second, hash: "other" }]).statuses, ["first", "gap", "broken"]);
    assert.deepEqual(extendAll([first, third, second]).statuses, ["first", "gap", "continues"]);
    // A first block in the middle of an epoch.
    assert.deepEqual(extendAll([first, { ...second, previous: "" }]).statuses, ["first", "broken"]);
  });

  it("counts what is missing once it had time to arrive, and tells each hole once", () => {
    const links = chain([10, 20, 30, 40]);
    const { trail } = extendAll([links[0], links[3]].filter((link) => link !== undefined));
    assert.equal(missingEvents(trail, NOW + 59_999, 60_000), 0n);
    assert.equal(missingEvents(trail, NOW + 60_000, 60_000), 50n);
    assert.equal(untoldHole(trail, NOW + 59_999, 60_000).hole, undefined);
    const told = untoldHole(trail, NOW + 60_000, 60_000);
    assert.deepEqual(told.hole, { epoch: 7n, first: 10n, next: 60n });
    assert.equal(untoldHole(told.trail, NOW + 90_000, 60_000).hole, undefined);
    assert.equal(missingEvents(told.trail, NOW + 90_000, 60_000), 50n);
    // What comes late is no longer missing.
    const [, second] = links;
    assert.ok(second !== undefined);
    assert.equal(missingEvents(extendTrail(told.trail, second, NOW + 90_000).trail, NOW + 900_000, 60_000), 30n);
  });

  it("stays small, whatever a host sends, and goes on counting", () => {
    let trail: EpochTrail[] = [];
    for (let at = 0; at < 200; at++) {
      const hole = { epoch: 1n, firstSeq: BigInt(at * 10 + 9), count: 1, hash: `${at}`, previous: "" };
      trail = extendTrail(trail, hole, NOW).trail;
    }
    assert.equal(trail[0]?.ranges.length, RANGES_MAX);
    assert.equal(missingEvents(trail, NOW, 0), 200n * 9n);
    for (let epoch = 0; epoch < 100; epoch++) {
      trail = extendTrail(
        trail,
        { epoch: BigInt(epoch), firstSeq: 0n, count: 1, hash: "", previous: "" },
        NOW + epoch,
      ).trail;
    }
    assert.equal(trail.length, EPOCHS_MAX);
    // Below what is remembered nothing is judged.
    const floor = { epoch: 1n, firstSeq: 0n, count: 1, hash: "", previous: "" };
    assert.equal(isTaken([{ epoch: 1n, usedMs: 0, floor: 100n, missing: 0n, ranges: [] }], floor), false);
    const unjudged = extendTrail([{ epoch: 1n, usedMs: 0, floor: 100n, missing: 0n, ranges: [] }], floor, NOW);
    assert.equal(unjudged.status, "unknown");
  });
});
