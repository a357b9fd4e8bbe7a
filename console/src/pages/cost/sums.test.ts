import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { daySums, hostSums } from "./sums.ts";

const day = (name: string, events: number, bytes: number) => ({
  day: name,
  events: String(events),
  bytes: String(bytes),
});

describe("what hosts took", () => {
  const hosts = [
    { hostId: "a", hostName: "web1", keepDays: 30, days: [day("20261129", 100, 1000), day("20261128", 300, 3000)] },
    { hostId: "b", hostName: "db1", keepDays: 365, days: [day("20261129", 50, 500)] },
    { hostId: "c" },
  ];

  it("is the mean of its days, kept for as long as its policy says, the dearest first", () => {
    assert.deepEqual(
      hostSums(hosts).map(({ name, events, bytes, restBytes }) => [name, events, bytes, restBytes]),
      [
        ["db1", 50, 500, 182_500],
        ["web1", 200, 2000, 60_000],
        ["", 0, 0, 0],
      ],
    );
  });

  it("adds up by day, the newest first", () => {
    assert.deepEqual(daySums(hosts), [
      { day: "2026-11-29", events: 150, bytes: 1500 },
      { day: "2026-11-28", events: 300, bytes: 3000 },
    ]);
  });
});
