import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RouteState } from "@hosttrail/proto/notify";
import fc from "fast-check";
import { heldBackOf, heldTotal, holdBack, markTold, retryDelayMs, takeToken } from "./rate.ts";
import { SEVERITIES } from "./notice.ts";

const NOW = 1_790_000_000_000;

function fresh(): RouteState {
  return RouteState.fromPartial({});
}

describe("the limit of a route", () => {
  it("lets a burst out, and then as many as it says in a minute", () => {
    const state = fresh();
    const rate = { perMinute: 60, burst: 3 };
    const at = (ms: number): boolean => takeToken(state, rate, NOW + ms);
    assert.deepEqual(
      [at(0), at(0), at(0), at(0), at(500), at(1000), at(1500), at(2000)],
      [true, true, true, false, false, true, false, true],
    );
    // After a quiet hour there is a burst, and no more.
    assert.deepEqual([at(3_600_000), at(3_600_000), at(3_600_000), at(3_600_000)], [true, true, true, false]);
  });

  it("never lets out more than its bound in any stretch of time, also when the clock is put back", () => {
    const steps = fc.array(fc.integer({ min: -5000, max: 20_000 }), { maxLength: 200 });
    fc.assert(
      fc.property(
        steps,
        fc.integer({ min: 1, max: 600 }),
        fc.integer({ min: 1, max: 20 }),
        (delays, perMinute, burst) => {
          const state = fresh();
          let [nowMs, forwardMs, out] = [NOW, 0, 0];
          for (const delay of delays) {
            nowMs += delay;
            forwardMs += Math.max(delay, 0);
            if (takeToken(state, { perMinute, burst }, nowMs)) out++;
          }
          assert.ok(out <= burst + (forwardMs * perMinute) / 60_000 + 1e-6, `${out}`);
        },
      ),
    );
  });
});

describe("what is held back", () => {
  it("is told in full and once, in whatever order it is counted and told", () => {
    const step = fc.oneof(fc.constantFrom(...SEVERITIES), fc.constantFrom("read", "tell"));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const state = fresh();
        let [held, told] = [0, 0];
        let read: bigint[] = [];
        for (const one of steps) {
          if (one === "read") read = [...state.held];
          else if (one === "tell") {
            const before = heldBackOf(state)?.count ?? 0;
            markTold(state, read, NOW);
            told += before - (heldBackOf(state)?.count ?? 0);
          } else {
            holdBack(state, one, NOW);
            held++;
          }
          assert.equal((heldBackOf(state)?.count ?? 0) + told, held);
          assert.equal(Number(heldTotal(state)), held);
        }
      }),
    );
  });

  it("has its counts by severity, and since when", () => {
    const state = fresh();
    holdBack(state, "high", NOW);
    holdBack(state, "high", NOW + 5);
    holdBack(state, "low", NOW + 9);
    assert.deepEqual(heldBackOf(state), { count: 3, bySeverity: { high: 2, low: 1 }, sinceMs: NOW });
    // It comes back from the stream as it went there.
    assert.deepEqual(heldBackOf(RouteState.decode(RouteState.encode(state).finish())), heldBackOf(state));
    markTold(state, state.held, NOW + 10);
    assert.equal(heldBackOf(state), undefined);
  });
});

describe("the next try", () => {
  const retry = { firstMs: 5000, longestMs: 1_800_000 };

  it("comes later from time to time, within bounds and apart from others", () => {
    assert.deepEqual(
      [0, 10_000, 60_000, 9e9].map((age) => retryDelayMs(retry, age, 0, 0.5)),
      [5000, 10_000, 60_000, 1_800_000],
    );
    assert.equal(retryDelayMs(retry, 0, 0, 0), 3750);
    assert.ok(retryDelayMs(retry, 0, 0, 0.999) > 6200);
  });

  it("never comes before the target wants it", () => {
    assert.equal(retryDelayMs(retry, 0, 60_000, 0), 60_000);
  });

  it("comes a bounded number of times in six hours", () => {
    let [age, tries] = [0, 1];
    for (; age < 21_600_000; tries++) age += retryDelayMs(retry, age, 0, 0);
    assert.ok(tries < 40, String(tries));
  });
});
