import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Budget, Governor, type Priority, priorityOf } from "./index.ts";

/** A governor on a clock of its own; each step is a window of five seconds with so much CPU used. */
function governed(budget: Partial<Budget>): {
  window(percent: number, memoryBytes?: number): string;
  admitted(): Priority[];
  levels: string[];
  memory: number;
} {
  let nowMs = 0;
  const usage = { cpuMs: 0, memoryBytes: 0 };
  const state = { levels: [] as string[], memory: 0 };
  const governor = new Governor({ cpuPercent: 0, memoryBytes: 0, shed: "low", ...budget }, () => ({ ...usage }), 0, {
    memory: () => state.memory++,
    level: (level) => state.levels.push(level),
  });
  return Object.assign(state, {
    window(percent: number, memoryBytes = 0) {
      nowMs += 5000;
      usage.cpuMs += percent * 50;
      usage.memoryBytes = memoryBytes;
      governor.isCalm(nowMs);
      return governor.level;
    },
    admitted: () => (["low", "normal", "high"] as const).filter((each) => governor.admits(each)),
  });
}

describe("the governor", () => {
  it("leaves out the least important after two windows over the budget, and takes them again after two well under it", () => {
    const it = governed({ cpuPercent: 20 });
    assert.deepEqual(
      [it.window(10), it.window(30), it.window(10), it.window(30), it.window(30)],
      ["calm", "calm", "calm", "calm", "low"],
    );
    assert.deepEqual(it.admitted(), ["normal", "high"]);
    assert.deepEqual([it.window(17), it.window(17), it.window(15), it.window(15)], ["low", "low", "low", "calm"]);
    assert.deepEqual(it.admitted(), ["low", "normal", "high"]);
  });

  it("goes on to the normal ones only where it may, and never to the important ones", () => {
    const may = governed({ cpuPercent: 20, shed: "normal" });
    for (let window = 0; window < 8; window++) may.window(90);
    assert.deepEqual(may.admitted(), ["high"]);
    const mayNot = governed({ cpuPercent: 20 });
    for (let window = 0; window < 8; window++) mayNot.window(90);
    assert.deepEqual(mayNot.admitted(), ["normal", "high"]);
  });

  it("frees memory before it leaves anything out for memory", () => {
    const it = governed({ memoryBytes: 100 });
    it.window(0, 150);
    assert.deepEqual([it.memory, it.levels], [1, []]);
    it.window(0, 150);
    assert.deepEqual(it.levels, ["low"]);
  });

  it("has no bound where none is given", () => {
    const it = governed({});
    for (let window = 0; window < 4; window++) it.window(400, 1 << 30);
    assert.deepEqual(it.levels, []);
  });

  it("takes one important key for enough, and wants all to be unimportant", () => {
    const priorities = { low: ["exec"], high: ["identity"] };
    assert.equal(priorityOf(["exec"], priorities), "low");
    assert.equal(priorityOf(["exec", "x"], priorities), "normal");
    assert.equal(priorityOf(["exec", "identity"], priorities), "high");
    assert.equal(priorityOf([], priorities), "normal");
  });
});
