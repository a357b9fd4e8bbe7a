import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileFilter } from "@hosttrail/lib/predicate";
import fc from "fast-check";
import { completed, completionsFor, placeAt } from "./complete.ts";
import { equals, narrowed } from "./compose.ts";
import { FILTER_FIELDS } from "./fields.ts";

/** The caret is where the bar stands. */
function at(text: string): ReturnType<typeof placeAt> {
  return placeAt(text.replace("|", ""), text.indexOf("|"));
}

const kindAt = (text: string): string => at(text).expecting.kind;

describe("completion", () => {
  it("knows what is expected where the caret is", () => {
    assert.equal(kindAt("|"), "field");
    assert.equal(kindAt("proc|"), "field");
    assert.equal(kindAt("process.name |"), "comparator");
    assert.equal(kindAt("process.name = |"), "value");
    assert.equal(kindAt("process.name=cu|"), "value");
    assert.equal(kindAt("process.name = curl |"), "connector");
    assert.equal(kindAt("process.name = curl AND |"), "field");
    assert.equal(kindAt("user.name = root AND process.name = (sh OR ba|"), "value");
    assert.equal(kindAt("(process.name = sh OR |"), "field");
    assert.equal(kindAt("process.name = (sh OR ash) AND |"), "field");
    assert.equal(kindAt("process.name = (|"), "value");
    assert.equal(kindAt("startsWith(|"), "field");
    assert.equal(kindAt("startsWith(file.path, |"), "value");
  });

  it("takes the place of the word under the caret, and of no more", () => {
    const place = at("process.na|me = curl");
    assert.deepEqual([place.from, place.to], [0, 12]);
    const [filter, caret] = completed("process.name = curl", place, { text: "process.pid", about: "" });
    assert.equal(filter, "process.pid = curl");
    assert.equal(caret, 11);
  });

  it("finds fields by any of their parts, the nearest first", () => {
    const [first] = completionsFor(at("exec|"));
    assert.equal(first?.text, "process.executable");
    assert.ok(completionsFor(at("outcome|")).some(({ text }) => text === "event.outcome"));
  });

  it("offers the words of a field, and what was counted before them", () => {
    const place = at("event.outcome = |");
    const counted = [{ text: "failure", about: "", count: "3" }];
    assert.deepEqual(
      completionsFor(place, counted).map(({ text }) => text),
      ["failure", "success", "unknown"],
    );
  });

  it("never moves the caret out of the filter, whatever stands there", () => {
    const words = fc.constantFrom(
      ...FILTER_FIELDS.map(({ name }) => name),
      " = ",
      "(",
      ")",
      '"',
      " AND ",
      "x",
      ",",
      "\\",
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 12 }), fc.nat(80), (parts, wanted) => {
        const filter = parts.join("");
        const caret = Math.min(wanted, filter.length);
        const place = placeAt(filter, caret);
        assert.ok(place.from <= caret && place.to >= place.from && place.to <= filter.length);
        for (const completion of completionsFor(place)) {
          const [after, to] = completed(filter, place, completion);
          assert.ok(to <= after.length && after.includes(completion.text));
        }
      }),
    );
  });
});

describe("conditions of a click", () => {
  it("are understood by the filter's own compiler, whatever the value is", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 40 }), (value) => {
        if (value.trim() === "") return;
        compileFilter(narrowed("process.name = sh", equals("process.command_line", value)));
      }),
    );
  });
});
