import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { AutomatonBuilder } from "./automaton.ts";

describe("the automaton", () => {
  it("finds exactly the texts that stand in another one", () => {
    const text = fc.stringMatching(/^[abc]{1,5}$/);
    fc.assert(
      fc.property(fc.uniqueArray(text, { maxLength: 12 }), fc.stringMatching(/^[abcé]{0,40}$/), (texts, whole) => {
        const builder = new AutomatonBuilder();
        const numbers = new Map(texts.map((each) => [builder.add(each), each]));
        const found = new Set<string>();
        builder.build().search(whole, (number) => found.add(numbers.get(number) ?? ""));
        assert.deepEqual([...found].sort(), texts.filter((each) => whole.includes(each)).sort());
      }),
      { numRuns: 3000 },
    );
  });

  it("knows no text where none was added", () => {
    const found: number[] = [];
    new AutomatonBuilder().build().search("abc", (number) => found.push(number));
    assert.deepEqual(found, []);
  });
});
