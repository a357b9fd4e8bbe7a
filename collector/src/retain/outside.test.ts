import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CatalogEntry } from "../model/index.ts";
import { DAY_MS } from "./days.ts";
import { cameBefore, withToday } from "./outside.ts";

const NOW_MS = Date.parse("2026-11-29T12:00:00Z");

function entry(epoch: bigint, first: bigint, next: bigint): CatalogEntry {
  return {
    id: `${epoch}-${first}`,
    epoch,
    ranges: [{ first, next }],
    firstTimeNano: 0n,
    lastTimeNano: 0n,
    events: Number(next - first),
    blocks: 1,
    bytes: 1,
    sha256: new Uint8Array(32),
    sieveSha256: new Uint8Array(32),
  };
}

describe("what is of no day", () => {
  it("is as old as the first day on which its numbers were seen", () => {
    const [a, b, other] = [entry(1n, 0n, 10n), entry(1n, 10n, 20n), entry(2n, 0n, 5n)];
    const first = withToday([], [a], NOW_MS);
    const later = withToday(first, [a, b, other], NOW_MS + 2 * DAY_MS);
    assert.deepEqual(
      later.map(({ epoch, next }) => [epoch, next]),
      [
        [1n, 10n],
        [1n, 20n],
        [2n, 5n],
      ],
    );
    const due = (days: number): string[] =>
      cameBefore([a, b, other], later, 30, NOW_MS + days * DAY_MS).map(({ id }) => id);
    assert.deepEqual([due(29.9), due(30), due(31.9)], [[], [a.id], [a.id]]);
    assert.deepEqual(due(32), [a.id, b.id, other.id]);
  });

  it("is not older than a segment's newest block", () => {
    const merged = entry(1n, 0n, 20n);
    const seen = [{ epoch: 1n, next: 10n, timeMs: NOW_MS }];
    assert.deepEqual(cameBefore([merged], seen, 1, NOW_MS + 50 * DAY_MS), []);
  });

  it("is noted once a day at most, only where there is more, and forgotten when it is gone", () => {
    const seen = withToday([], [entry(1n, 0n, 10n)], NOW_MS);
    assert.equal(withToday(seen, [entry(1n, 0n, 10n)], NOW_MS + 5 * DAY_MS), seen);
    const more = [entry(1n, 0n, 20n)];
    assert.equal(withToday(seen, more, NOW_MS + DAY_MS - 1), seen);
    const second = withToday(seen, more, NOW_MS + DAY_MS);
    assert.equal(second.length, 2);
    assert.deepEqual(
      withToday(second, [entry(1n, 10n, 20n)], NOW_MS + 2 * DAY_MS).map(({ next }) => next),
      [20n],
    );
    assert.deepEqual(withToday(second, [], NOW_MS), []);
  });
});
