import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { hourEventsOf } from "./hours.ts";

const HOUR = 3_600_000_000_000n;
const times = (...list: bigint[]): BigInt64Array => BigInt64Array.from(list);

describe("events of hours", () => {
  it("are counted to the nanosecond, hours without any too", () => {
    const start = 495_552n * HOUR;
    const list = [start, start + HOUR - 1n, start + HOUR, start + 3n * HOUR];
    assert.deepEqual(hourEventsOf(times(...list), start, start + 3n * HOUR), [2, 1, 0, 1]);
    assert.deepEqual(hourEventsOf(times(-1n, 0n), -1n, 0n), [1, 1]);
  });

  it("are not told where there is one hour, or years", () => {
    assert.equal(hourEventsOf(times(1n, 2n), 1n, HOUR - 1n), undefined);
    assert.equal(hourEventsOf(times(1n, 400n * HOUR), 1n, 400n * HOUR), undefined);
  });

  it("are as many as the events, whatever their times", () => {
    const nano = fc.bigInt({ min: -50n * HOUR, max: 50n * HOUR });
    fc.assert(
      fc.property(fc.array(nano), nano, nano, (list, first, last) => {
        const counts = hourEventsOf(times(...list), first, last);
        if (counts !== undefined)
          assert.equal(
            counts.reduce((sum, each) => sum + each, 0),
            list.length,
          );
      }),
    );
  });
});
