import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Alert, AlertState, CloseReason } from "@hosttrail/proto/alert";
import { afterAction, type AlertWork, untouched, type WorkAction } from "../model/index.ts";
import {
  acknowledge,
  assign,
  close,
  closeReasonOf,
  closeUnlessClosed,
  comment,
  type Decide,
  reopen,
  withWork,
  WorkError,
} from "./index.ts";

const WHO = { actor: "certificate:ann", timeMs: 5000 };

/** What is there after these actions, each by whoever decides. */
function after(...decisions: Decide[]): AlertWork {
  return decisions.reduce((work, decide) => {
    const action = decide(work);
    return action === undefined ? work : afterAction(work, action);
  }, untouched("a"));
}

const STATES = {
  open: [],
  acknowledged: [acknowledge(WHO, "")],
  closed: [close(WHO, "benign", "known")],
} as const;

describe("an alert's state", () => {
  const allowed: [keyof typeof STATES, Record<string, AlertWork["state"] | "refused">][] = [
    ["open", { acknowledge: "acknowledged", close: "closed", reopen: "refused", assign: "open", comment: "open" }],
    [
      "acknowledged",
      { acknowledge: "refused", close: "closed", reopen: "open", assign: "acknowledged", comment: "acknowledged" },
    ],
    ["closed", { acknowledge: "refused", close: "refused", reopen: "open", assign: "closed", comment: "closed" }],
  ];
  const actions: Record<string, Decide> = {
    acknowledge: acknowledge(WHO, "t"),
    close: close(WHO, "other", "t"),
    reopen: reopen(WHO, "t"),
    assign: assign(WHO, "bob"),
    comment: comment(WHO, "t"),
  };
  for (const [state, outcomes] of allowed) {
    it(`${state} leads where the table says, by each action`, () => {
      for (const [name, outcome] of Object.entries(outcomes)) {
        const act = (): AlertWork => after(...STATES[state], actions[name] as Decide);
        if (outcome === "refused") assert.throws(act, WorkError, name);
        else assert.equal(act().state, outcome, name);
      }
    });
  }

  it("is told with who brought it there", () => {
    assert.throws(
      () => after(acknowledge(WHO, ""), acknowledge(WHO, "")),
      /is acknowledged by certificate:ann; only an open/,
    );
  });

  it("keeps the reason only while it is closed, and the assignee all the time", () => {
    const closed = after(assign(WHO, "bob"), close(WHO, "duplicate", "see b"));
    assert.deepEqual(
      [closed.closeReason, closed.closeText, closed.closeMs, closed.assignee],
      ["duplicate", "see b", 5000, "bob"],
    );
    const opened = after(assign(WHO, "bob"), close(WHO, "duplicate", "see b"), reopen(WHO, "no"));
    assert.deepEqual([opened.closeReason, opened.closeText, opened.closeMs, opened.assignee], ["", "", 0, "bob"]);
  });

  it("is not changed by who says what is so already", () => {
    assert.equal(after(assign(WHO, "bob"), assign(WHO, "bob")).version, 1);
    assert.equal(after(close(WHO, "benign", ""), closeUnlessClosed(WHO, "other", "")).closeReason, "benign");
  });
});

describe("an alert as callers see it", () => {
  it("has state, reason, assignee and history, the oldest action first", () => {
    const work = after(assign(WHO, "bob"), close(WHO, "true-positive", "yes"));
    const alert = withWork(Alert.fromPartial({ id: "a", count: 3n }), work);
    assert.equal(alert.state, AlertState.CLOSED);
    assert.equal(alert.closeReason, CloseReason.TRUE_POSITIVE);
    assert.equal(alert.count, 3n);
    assert.deepEqual(
      alert.history.map(({ action, text }) => [action, text]),
      [
        ["assigned", "bob"],
        ["closed", "yes"],
      ],
    );
    assert.deepEqual(alert.history[0]?.time, { seconds: 5n, nanos: 0 });
  });

  it("has every reason of the API", () => {
    const numbers = Object.values(CloseReason).filter(
      (value) => typeof value === "number" && value > 0,
    ) as CloseReason[];
    assert.equal(numbers.length, 6);
    for (const number of numbers) {
      const reason = closeReasonOf(number);
      assert.ok(reason !== undefined);
      const action: WorkAction = { ...WHO, action: "closed", text: "", closeReason: reason };
      assert.equal(withWork(Alert.create(), afterAction(untouched("a"), action)).closeReason, number);
    }
    assert.equal(closeReasonOf(CloseReason.UNSPECIFIED), undefined);
    assert.equal(closeReasonOf(99 as CloseReason), undefined);
  });
});
