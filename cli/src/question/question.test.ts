import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Completeness } from "@hosttrail/proto/scan";
import { plainOutput } from "../output/index.ts";
import { lookedAt, parseBudget, tellLack } from "./index.ts";

describe("a budget", () => {
  it("is time, bytes and events", () => {
    assert.deepEqual(parseBudget("time=10s,bytes=2Gi,events=5M"), {
      timeMs: 10_000n,
      bytes: 2n * 1024n ** 3n,
      events: 5_000_000n,
    });
    assert.equal(parseBudget(undefined), undefined);
    for (const text of ["10s", "time=", "bytes=2X", "events=0", "bytes=1,", "time=soon"])
      assert.throws(() => parseBudget(text), /--budget/, text);
  });
});

type Partial = Parameters<(typeof Completeness)["fromPartial"]>[0];

function told(completeness: Partial | undefined, options: Parameters<typeof tellLack>[2] = {}) {
  const said: { lacks: string[]; notes: string[] } = { lacks: [], notes: [] };
  const output = plainOutput(
    false,
    () => undefined,
    (text) => void said.lacks.push(text),
  );
  const answer = completeness === undefined ? undefined : Completeness.fromPartial(completeness);
  tellLack(answer, { ...output, note: (text) => void said.notes.push(text) }, options);
  return said;
}

describe("what an answer lacks", () => {
  it("is nothing where it is complete", () => {
    assert.deepEqual(told({ complete: true }), { lacks: [], notes: [] });
  });

  it("is told with the reason, the time until which it is complete, and how to go on", () => {
    process.env["TZ"] = "UTC";
    const { lacks } = told(
      { complete: false, reasons: ["budget"], completeUntilTime: { seconds: 0n }, left: { events: 7n } },
      { resume: "token" },
    );
    assert.equal(lacks.length, 1);
    assert.match(
      lacks[0] ?? "",
      /more than it may.*7 events were not looked at; it is complete until 1970-01-01T00:00:00.000Z\. Go on with --resume token/,
    );
    const newest = told({ reasons: ["budget"], completeUntilTime: { seconds: 0n } }, { newestFirst: true });
    assert.match(newest.lacks[0] ?? "", /it is complete from 1970-01-01T00:00:00.000Z on$/);
    assert.match(told({ reasons: ["unreachable"] }).lacks[0] ?? "", /cannot be reached/);
    assert.match(told({ reasons: [] }).lacks[0] ?? "", /no reason was given/);
    assert.match(told(undefined).lacks[0] ?? "", /did not say how complete/);
  });

  it("is not what was not asked for", () => {
    const { lacks, notes } = told({ reasons: ["limit"] }, { limit: 100 });
    assert.deepEqual(lacks, []);
    assert.deepEqual(notes, ["there are more than 100; see --limit"]);
  });

  it("names each part that cannot be read, without control characters", () => {
    const unreadable = [{ hostId: "h", events: 3n, reason: "its hash \u001b[2J" }];
    const { lacks } = told({ reasons: ["unreadable"], unreadable, moreUnreadable: 2n });
    assert.equal(lacks.length, 2);
    assert.match(lacks[0] ?? "", /up to 3 events of host h .*: its hash \\x1b\[2J/);
  });

  it("is what retention dropped, in one line", () => {
    const dropped = [
      { day: "20260103", hosts: 1n, events: 3n },
      { day: "20260101", hosts: 2n, events: 4n },
    ];
    const { lacks } = told({ reasons: ["dropped"], dropped });
    assert.deepEqual(lacks, ["7 events of 2 days from 2026-01-01 to 2026-01-03 (UTC) were dropped by retention"]);
    const one = told({ reasons: ["dropped", "budget"], dropped: dropped.slice(0, 1) });
    assert.equal(one.lacks[0], "3 events of 2026-01-03 (UTC) were dropped by retention");
    assert.match(one.lacks[1] ?? "", /more than it may/);
  });

  it("is measured against all that was to be looked at", () => {
    const all = { scanned: { events: 3n }, pruned: { events: 5n }, left: { events: 2n } };
    assert.deepEqual(lookedAt(Completeness.fromPartial(all)), [8n, 10n]);
  });
});
