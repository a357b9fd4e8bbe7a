import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { foldsOf, hasState, requestOf, withChange } from "./asked.ts";

const alert = (id: string, key = "r") => ({ id, rule: { key }, state: "ALERT_STATE_OPEN" as const });

describe("the list of alerts", () => {
  it("asks for what its link says", () => {
    const request = requestOf(
      new URLSearchParams("state=closed&severity=high&host=h&from=1h"),
      Date.parse("2026-01-01T01:00:00Z"),
    );
    assert.deepEqual(request.states, ["ALERT_STATE_CLOSED"]);
    assert.equal(request.severityMin, "SEVERITY_HIGH");
    assert.equal(request.startTime, "2026-01-01T00:00:00.000Z");
    assert.deepEqual(requestOf(new URLSearchParams("state=wrong&severity=wrong"), 0).states, [
      "ALERT_STATE_OPEN",
      "ALERT_STATE_ACKNOWLEDGED",
    ]);
  });

  it("follows changes", () => {
    const list = [alert("2"), alert("1")];
    assert.deepEqual(
      withChange(list, alert("3"), true).map(({ id }) => id),
      ["3", "2", "1"],
    );
    assert.deepEqual(
      withChange(list, alert("3"), false).map(({ id }) => id),
      ["2", "1"],
    );
    assert.deepEqual(
      withChange(list, alert("2"), false).map(({ id }) => id),
      ["1"],
    );
    assert.equal(withChange(list, { ...alert("1"), title: "new" }, true)[1]?.title, "new");
    assert.equal(hasState({ states: ["ALERT_STATE_CLOSED"] }, alert("1")), false);
  });

  it("folds alerts of one rule", () => {
    const folds = foldsOf([alert("3", "a"), alert("2", "b"), alert("1", "a")], true);
    assert.deepEqual(
      folds.map(({ key, alerts }) => [key, alerts.length]),
      [
        ["a", 2],
        ["b", 1],
      ],
    );
  });
});
