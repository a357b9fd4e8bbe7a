import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Alert, AlertRule } from "@hosttrail/proto/alert";
import { MatchedEvent } from "@hosttrail/proto/detection";
import { Event } from "@hosttrail/proto/event";
import fc from "fast-check";
import { addCount, addMatch, alertIdOf, nanosOf, newAlert, timestampOf, windowOf } from "./fold.ts";

const HOST = { id: "a".repeat(32), name: "web" };
const HOUR_MS = 3_600_000;
const RULE: AlertRule = { ...AlertRule.create(), key: "rule", title: "A rule" };

function matched(seq: number, isFull = true): MatchedEvent {
  const eventId = `${HOST.id}-0000000000000001-${seq.toString(16).padStart(16, "0")}`;
  return {
    ...MatchedEvent.create(),
    eventId,
    timeUnixNano: BigInt(seq) * 1_000_000_000n,
    title: `Title of ${seq}`,
    event: isFull ? Event.encode({ ...Event.create(), id: eventId }).finish() : new Uint8Array(0),
  };
}

function folded(events: readonly MatchedEvent[]): Alert {
  const alert = newAlert("id", RULE, []);
  for (const event of events) addMatch(alert, event, { host: HOST, receivedNano: 0n, lateAfterNano: 60_000_000_000n });
  return alert;
}

describe("folding matches to alerts", () => {
  it("makes the same of the same matches in whatever order, but for what the first one says", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 120 }), (seqs) => {
        const inOrder = folded([...seqs].sort((a, b) => a - b).map((seq) => matched(seq)));
        const any = folded(seqs.map((seq) => matched(seq)));
        assert.deepEqual(
          [any.count, any.firstEventTime, any.lastEventTime, any.eventIds, any.events.map(({ id }) => id)],
          [
            inOrder.count,
            inOrder.firstEventTime,
            inOrder.lastEventTime,
            inOrder.eventIds,
            inOrder.events.map(({ id }) => id),
          ],
        );
        assert.ok(any.eventIds.length <= 50 && any.events.length <= 20);
      }),
    );
  });

  it("keeps the ids of the oldest and of the newest events", () => {
    const { eventIds, count } = folded(Array.from({ length: 200 }, (_, seq) => matched(seq + 1)));
    assert.equal(count, 200n);
    assert.deepEqual(
      eventIds.map((id) => Number.parseInt(id.slice(-16), 16)),
      [...Array.from({ length: 25 }, (_, at) => at + 1), ...Array.from({ length: 25 }, (_, at) => at + 176)],
    );
  });

  it("says how late the event was that made it", () => {
    const alert = newAlert("id", RULE, []);
    const lateAfterNano = 60_000_000_000n;
    addMatch(alert, matched(1), { host: HOST, receivedNano: 21_601_000_000_000n, lateAfterNano });
    addMatch(alert, matched(2), { host: HOST, receivedNano: 2_000_000_000n, lateAfterNano });
    assert.equal(alert.lateMs, 21_600_000n);
    assert.equal(alert.title, "Title of 1");
  });

  it("counts what is known by its number alone", () => {
    const alert = folded([matched(10)]);
    addCount(alert, 5, 3_000_000_000n, 20_000_000_000n);
    assert.equal(alert.count, 6n);
    assert.deepEqual([nanosOf(alert.firstEventTime), nanosOf(alert.lastEventTime)], [3_000_000_000n, 20_000_000_000n]);
  });
});

describe("ids of alerts", () => {
  it("are those of rule, host and hour, and sort by time", () => {
    const at = (minutes: number): string =>
      alertIdOf("rule", HOST.id, windowOf(BigInt(minutes) * 60_000_000_000n, HOUR_MS));
    assert.equal(at(60), at(119));
    assert.notEqual(at(60), at(120));
    assert.ok(at(60) < at(120));
    assert.notEqual(at(60), alertIdOf("other", HOST.id, HOUR_MS));
    assert.match(at(60), /^[0-9a-f]{12}-[0-9a-f]{32}$/);
  });

  it("are there for times before 1970, too", () => {
    assert.match(alertIdOf("rule", HOST.id, windowOf(-5_000_000_000n, HOUR_MS)), /^0{12}-/);
    assert.equal(nanosOf(timestampOf(-1n)), -1n);
  });
});
