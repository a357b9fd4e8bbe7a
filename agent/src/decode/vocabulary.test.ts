import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EVENT_CATEGORIES, EVENT_TYPES } from "@hosttrail/lib/predicate";
import { allMeanings } from "./meaning.ts";

describe("the words that filters allow", () => {
  it("are all that an event's category and type can be", () => {
    const [categories, types] = [new Set<string>(EVENT_CATEGORIES), new Set<string>(EVENT_TYPES)];
    for (const { action, category, type } of allMeanings()) {
      for (const each of category) assert.ok(categories.has(each), `${action}: ${each}`);
      for (const each of type) assert.ok(types.has(each), `${action}: ${each}`);
    }
    const used = new Set(allMeanings().flatMap(({ category }) => category));
    assert.deepEqual([...used].sort(), [...EVENT_CATEGORIES], "and none that no event has");
  });
});
