import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Endpoints, type Leaving } from "./endpoints.ts";

const NAMES = ["a:1", "b:1", "c:1"];

/** How often each of three is taken by 9,000 agents that were at the first one, by chances that are spread evenly. */
function taken(leaving: Leaving, names: readonly string[] = NAMES): Record<string, number> {
  const counts: Record<string, number> = {};
  const count = 9000;
  for (let at = 0; at < count; at++) {
    let isFirst = true;
    const endpoints = new Endpoints(names, () => {
      const chance = isFirst ? 0 : (at + 0.5) / count;
      isFirst = false;
      return chance;
    });
    endpoints.move(leaving);
    counts[endpoints.current] = (counts[endpoints.current] ?? 0) + 1;
  }
  return counts;
}

describe("the next collector", () => {
  it("is any of them at first", () => {
    assert.deepEqual(
      [0, 0.34, 0.99].map((chance) => new Endpoints(NAMES, () => chance).current),
      NAMES,
    );
  });

  it("is each in turn while they fail", () => {
    const endpoints = new Endpoints(NAMES, () => 0.5);
    const seen = [1, 2, 3].map(() => {
      endpoints.move("failed");
      return endpoints.current;
    });
    assert.deepEqual(seen, ["c:1", "a:1", "b:1"]);
  });

  it("is each of the others alike where the collector stops, and the same one where there is no other", () => {
    assert.deepEqual(taken("stopping"), { "b:1": 4500, "c:1": 4500 });
    assert.deepEqual(taken("stopping", ["a:1"]), { "a:1": 9000 });
  });

  it("is each of all alike after a while, so that they have as many agents as each other", () => {
    assert.deepEqual(taken("age"), { "a:1": 3000, "b:1": 3000, "c:1": 3000 });
  });
});
