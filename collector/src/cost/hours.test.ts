import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { dayHoursOf } from "./hours.ts";

const DAY = "20261130";
const START = BigInt(Date.UTC(2026, 10, 30)) * 1_000_000n;
const MINUTE = 60_000_000_000n;

function entry(firstMinute: bigint, lastMinute: bigint, events: number, hourEvents?: number[]) {
  const times = { firstTimeNano: START + firstMinute * MINUTE, lastTimeNano: START + lastMinute * MINUTE };
  return { ...times, events, ...(hourEvents === undefined ? {} : { hourEvents }) };
}

function hours(told: Readonly<Record<number, number>>): number[] {
  return Array.from({ length: 24 }, (_, hour) => told[hour] ?? 0);
}

describe("the hours of a stored day", () => {
  it("are those of its entries together, each from the hour of its first time on", () => {
    const entries = [entry(90n, 200n, 60, [10, 20, 30]), entry(100n, 110n, 5), entry(1439n, 1439n, 1)];
    assert.deepEqual(dayHoursOf(DAY, entries), hours({ 1: 15, 2: 20, 3: 30, 23: 1 }));
    assert.deepEqual(dayHoursOf(DAY, []), hours({}));
  });

  it("are not known where one entry does not tell, or what it tells cannot be right", () => {
    const whole = entry(0n, 30n, 7);
    for (const unknown of [
      entry(90n, 200n, 60),
      entry(90n, 200n, 60, [10, 20]),
      entry(90n, 200n, 60, [10, 20, 31]),
      entry(90n, 200n, 60, [10, 20, 30, 0]),
    ])
      assert.equal(dayHoursOf(DAY, [whole, unknown]), undefined);
  });

  it("have what a block brings of another day", () => {
    const entries = [entry(-120n, 30n, 6, [1, 2, 3]), entry(1430n, 1499n, 9, [4, 5])];
    assert.deepEqual(dayHoursOf(DAY, entries), hours({ 0: 6, 23: 9 }));
  });
});
