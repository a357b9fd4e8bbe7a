import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { HOSTILE, noticeOf } from "./fixture.ts";
import { detailsOf, eventLines, heldBackText, titleOf } from "./text.ts";

const STEERS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

describe("the text of an alert", () => {
  it("has no character that steers what shows it, whatever was in it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const notice = noticeOf(`${text}${HOSTILE}`);
        for (const shown of [titleOf(notice), ...detailsOf(notice), ...eventLines(notice)])
          assert.ok(!STEERS.test(shown) && shown.isWellFormed(), JSON.stringify(shown));
      }),
    );
  });

  it("is bounded, however large the alert is", () => {
    const notice = noticeOf("x".repeat(3_000_000));
    const all = [titleOf(notice), ...detailsOf(notice), ...eventLines(notice)];
    assert.ok(
      all.every((shown) => shown.length <= 500),
      String(all.map(({ length }) => length)),
    );
    assert.ok(all.length < 40);
  });

  it("says how many events there are beside those that it names", () => {
    assert.match(eventLines(noticeOf("x")).at(-1) ?? "", /^and 2 more events$/);
  });

  it("says what was held back, the worst first", () => {
    const heldBack = { count: 37, sinceMs: 0, bySeverity: { low: 7, high: 30 } };
    assert.equal(
      heldBackText(heldBack),
      "37 more alerts were held back since 1970-01-01T00:00:00.000Z: 30 high, 7 low",
    );
    assert.match(
      heldBackText({ count: 1, sinceMs: 0, bySeverity: { critical: 1 } }),
      /^1 more alert was held back .*: 1 critical$/,
    );
  });
});
