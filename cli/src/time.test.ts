import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { BOOT, durationText, parseDuration, parseTime, readTime } from "./time.ts";
import { checkZone, localText } from "./zone.ts";

/** A Wednesday. */
const NOW = Date.parse("2026-03-11T15:42:07.250Z");

function at(text: string, now = NOW): string {
  const { seconds, nanos } = parseTime(text, now);
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${String(nanos).padStart(9, "0")}`;
}

function inZone(zone: string): void {
  let before: string | undefined;
  beforeEach(() => {
    before = process.env["TZ"];
    process.env["TZ"] = zone;
  });
  afterEach(() => {
    if (before === undefined) delete process.env["TZ"];
    else process.env["TZ"] = before;
  });
}

describe("a time on the command line", () => {
  inZone("Europe/Berlin");

  it("is how long ago", () => {
    for (const text of ["2h", "2h ago", "-2h", "2 hours ago", "120m", "7200s", "1h60m"])
      assert.equal(at(text), "2026-03-11T13:42:07.250000000", text);
    assert.equal(at("7d"), "2026-03-04T15:42:07.250000000");
    assert.equal(at("1w"), at("7d"));
  });

  it("is a word of ausearch, by the clocks of the zone", () => {
    const expected: [string, string][] = [
      ["now", "2026-03-11T15:42:07.250000000"],
      ["recent", "2026-03-11T15:32:07.250000000"],
      ["this-hour", "2026-03-11T15:00:00.000000000"],
      ["today", "2026-03-10T23:00:00.000000000"],
      ["yesterday", "2026-03-09T23:00:00.000000000"],
      ["this-week", "2026-03-07T23:00:00.000000000"],
      ["week-ago", "2026-03-03T23:00:00.000000000"],
      ["this-month", "2026-02-28T23:00:00.000000000"],
      ["this-year", "2025-12-31T23:00:00.000000000"],
    ];
    for (const [word, time] of expected) assert.equal(at(word), time, word);
    assert.equal(readTime("boot", NOW), BOOT);
    assert.throws(() => parseTime("boot", NOW), /give --host/);
  });

  it("counts days by the calendar where clocks are changed", () => {
    // On 2026-03-29 Berlin goes from +01:00 to +02:00.
    assert.equal(at("yesterday", Date.parse("2026-03-30T10:00:00Z")), "2026-03-28T23:00:00.000000000");
    assert.equal(at("today", Date.parse("2026-03-30T10:00:00Z")), "2026-03-29T22:00:00.000000000");
  });

  it("is absolute, in the zone of the process or in its own", () => {
    const expected: [string, string][] = [
      ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000000"],
      ["2026-01-31t12:00:00z", "2026-01-31T12:00:00.000000000"],
      ["2026-01-31T12:00:00.123456789Z", "2026-01-31T12:00:00.123456789"],
      ["2026-01-31T12:00:00+05:30", "2026-01-31T06:30:00.000000000"],
      ["2026-01-31 12:00 -0800", "2026-01-31T20:00:00.000000000"],
      ["2026-01-31 12:00", "2026-01-31T11:00:00.000000000"],
      ["2026-07-31 12:00:30", "2026-07-31T10:00:30.000000000"],
      ["2026-01-31", "2026-01-30T23:00:00.000000000"],
      ["2026-01-31 12:00 America/New_York", "2026-01-31T17:00:00.000000000"],
      ["2026-01-31 12:00 UTC", "2026-01-31T12:00:00.000000000"],
      ["12:00", "2026-03-11T11:00:00.000000000"],
      ["1:30 Asia/Tokyo", "2026-03-11T16:30:00.000000000"],
      ["@1769860800.5", "2026-01-31T12:00:00.500000000"],
    ];
    for (const [text, time] of expected) assert.equal(at(text), time, text);
  });

  it("is the first of two where clocks show it twice, and none where they never show it", () => {
    assert.equal(at("2026-10-25 02:30"), "2026-10-25T00:30:00.000000000");
    assert.throws(() => at("2026-03-29 02:30"), /the clocks were put forward over it/);
    assert.throws(() => at("2026-03-08 02:30 America/New_York"), /the clocks were put forward over it/);
    assert.equal(at("2026-03-29 02:30 UTC"), "2026-03-29T02:30:00.000000000");
  });

  it("is refused where it is none, with what is allowed", () => {
    for (const text of [
      "tomorrow",
      "",
      "12",
      "5 parsecs",
      "checkpoint",
      "31.01.2026",
      "1h foo",
      "@99999999999999",
      "-",
    ])
      assert.throws(() => at(text), /is no time; allowed are 90s, .*this-week/, text);
    for (const text of ["2026-02-30", "2026-13-01", "2026-01-31 24:01", "2026-01-31 12:60"])
      assert.throws(() => at(text), /no calendar or clock shows it/, text);
    assert.throws(() => at("2026-01-31 12:00 Mars/Olympus"), /"Mars\/Olympus" is no time zone/);
  });
});

describe("a duration", () => {
  it("is told in the largest unit of which it is whole", () => {
    for (const text of ["90s", "15m", "2h", "25h", "7d", "30d"])
      assert.equal(durationText(BigInt(parseDuration("--last", text))), text);
    assert.equal(durationText(BigInt(parseDuration("--last", "48h"))), "2d");
  });

  it("has units, also several", () => {
    assert.equal(parseDuration("--every", "1h30m"), 5400);
    assert.equal(parseDuration("--every", "90s"), 90);
    assert.equal(parseDuration("--every", "1w"), 604_800);
    for (const text of ["90", "1y", "", "h", "1h ago"])
      assert.throws(() => parseDuration("--every", text), /^Error: --every is ".*"; allowed are/);
  });
});

describe("a time for people", () => {
  inZone("America/St_Johns");
  it("is as the zone's clocks show it, and can be given back", () => {
    const text = localText(NOW);
    assert.equal(text, "2026-03-11T13:12:07.250-02:30");
    assert.equal(at(text), "2026-03-11T15:42:07.250000000");
    process.env["TZ"] = "UTC";
    assert.equal(localText(NOW), "2026-03-11T15:42:07.250Z");
  });

  it("is of a zone that there is", () => {
    checkZone("Europe/Berlin");
    assert.throws(() => checkZone("Berlin"), /allowed are names as Europe\/Berlin/);
  });
});
