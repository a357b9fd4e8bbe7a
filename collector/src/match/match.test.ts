import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AlertRule } from "@hosttrail/proto/alert";
import { MatchBatch, MatchedEvent, RuleMatches } from "@hosttrail/proto/detection";
import { Event } from "@hosttrail/proto/event";
import fc from "fast-check";
import { messagesOf } from "./parts.ts";
import { alertTitle } from "./title.ts";

describe("titles of alerts", () => {
  const textsOf = (field: string): string[] => (field === "Image" ? ["/bin/sh", "/bin/dash"] : []);

  it("are the rule's own, or its template with what the event has", () => {
    assert.equal(alertTitle({ title: "A rule", alertTitle: "" }, textsOf), "A rule");
    assert.equal(alertTitle({ title: "", alertTitle: "Ran {{ Image }} as {{User}}" }, textsOf), "Ran /bin/sh as ?");
  });

  it("are bounded, whatever the event says", () => {
    const long = alertTitle({ title: "", alertTitle: "{{a}}{{a}}{{a}}{{a}}" }, () => ["x".repeat(100_000)]);
    assert.ok(long.length <= 300 && long.endsWith("…"));
    assert.equal(
      alertTitle({ title: "", alertTitle: "{{a}}" }, () => ["{{a}}"]),
      "{{a}}",
      "what is filled in is no template",
    );
  });
});

function batch(rules: { events: number; text: number; more?: number }[]): MatchBatch {
  return {
    ...MatchBatch.create(),
    blockId: "b",
    rules: rules.map(({ events, text, more = 0 }, number) => ({
      ...RuleMatches.create(),
      rule: { ...AlertRule.create(), key: `rule-${number}` },
      more,
      moreFirstUnixNano: more > 0 ? 1n : 0n,
      moreLastUnixNano: more > 0 ? 2n : 0n,
      events: Array.from({ length: events }, (_, at) => ({
        ...MatchedEvent.create(),
        eventId: `e-${at}`,
        timeUnixNano: BigInt(100 + at),
        event: Event.encode({ ...Event.create(), id: "x".repeat(text) }).finish(),
      })),
    })),
  };
}

describe("batches of matches", () => {
  it("are parted so that each message fits, and no match is lost", () => {
    const rules = fc.array(
      fc.record({
        events: fc.integer({ min: 1, max: 60 }),
        text: fc.integer({ min: 0, max: 3000 }),
        more: fc.integer({ min: 0, max: 9 }),
      }),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(rules, (list) => {
        const whole = batch(list);
        const messages = messagesOf(whole, 10_000);
        const parts = messages.map((bytes) => MatchBatch.decode(bytes));
        const count = (each: MatchBatch): number =>
          each.rules.reduce((sum, { events, more }) => sum + events.length + more, 0);
        assert.equal(
          parts.reduce((sum, part) => sum + count(part), 0),
          count(whole),
        );
        assert.deepEqual(
          parts.map(({ part }) => part),
          parts.map((_, at) => at),
        );
        for (const { length } of messages) assert.ok(length <= 10_000);
      }),
      { numRuns: 200 },
    );
  });

  it("name the times of what is only counted", () => {
    const [bytes = new Uint8Array(0)] = messagesOf(batch([{ events: 400, text: 2000 }]), 8000);
    const [rule] = MatchBatch.decode(bytes).rules;
    assert.ok(rule !== undefined && rule.more > 0);
    assert.equal(rule.events.length + rule.more, 400);
    assert.equal(rule.moreLastUnixNano, 499n);
    assert.equal(rule.moreFirstUnixNano, BigInt(100 + rule.events.length));
  });
});
