import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { askedRange, bucketSeconds, readDuration, readMoment } from "./range.ts";
import { agoText, durationText, timeText, zone } from "./zone.ts";

const NOON = Date.parse("2026-01-31T12:00:00Z");

afterEach(() => {
  zone.value = "utc";
});

describe("moments", () => {
  it("are read as people type them", () => {
    assert.equal(readMoment("2026-01-31"), "2026-01-31T00:00:00.000Z");
    assert.equal(readMoment(" 2026-01-31 12:00 "), "2026-01-31T12:00:00.000Z");
    assert.equal(readMoment("2026-01-31T12:00:00.5+02:00"), "2026-01-31T10:00:00.500Z");
    assert.equal(readMoment("2h"), "2h");
    assert.equal(readMoment("now"), "");
  });

  it("are refused where they are none", () => {
    for (const text of ["yesterday", "2026-02-31", "2026-13-01", "2026-01-31 25:00", "0h", "12:00", "-1h"])
      assert.equal(readMoment(text), undefined, text);
  });

  it("without a zone are in the one that was chosen", () => {
    zone.value = "local";
    assert.equal(readMoment("2026-01-31 12:00"), new Date(2026, 0, 31, 12).toISOString());
    assert.equal(timeText(new Date(2026, 0, 31, 12).getTime(), "minute"), "2026-01-31 12:00");
  });

  it("are shown to the detail that is asked for", () => {
    assert.equal(timeText(NOON + 7, "millisecond"), "2026-01-31 12:00:00.007");
    assert.equal(timeText(NOON, "day"), "2026-01-31");
    assert.equal(timeText(Number.NaN), "");
  });
});

describe("ranges", () => {
  it("go back from now, or are moments", () => {
    assert.deepEqual(askedRange({ from: "1h", to: "" }, NOON), { startTime: "2026-01-31T11:00:00.000Z" });
    assert.deepEqual(askedRange({ from: "", to: "2026-01-01T00:00:00Z" }, NOON), {
      endTime: "2026-01-01T00:00:00.000Z",
    });
    assert.deepEqual(askedRange({ from: "", to: "" }, NOON), {});
  });

  it("have buckets of a usual width, no more than asked for", () => {
    for (const rangeMs of [1000, 60_000, 3_600_000, 86_400_000, 30 * 86_400_000, 40 * 365 * 86_400_000]) {
      const seconds = bucketSeconds(rangeMs, 120);
      assert.ok(rangeMs / 1000 / seconds <= 120, `${rangeMs} ms in buckets of ${seconds} s`);
    }
    assert.equal(bucketSeconds(86_400_000, 120), 1800);
  });
});

describe("durations", () => {
  it("are read and said in their largest units", () => {
    assert.equal(readDuration("90s"), 90_000);
    assert.equal(readDuration("1y"), undefined);
    assert.equal(durationText(3_600_000 * 3 + 60_000 * 12), "3 h 12 min");
    assert.equal(durationText(12 * 86_400_000 + 3_600_000), "12 d");
    assert.equal(durationText(12), "12 ms");
    assert.equal(agoText(NOON - 60_000, NOON), "1 min ago");
    assert.equal(agoText(NOON + 7_200_000, NOON), "in 2 h");
  });
});
