import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { plainNegations } from "./negation.ts";

const plain = (...words: string[]): string[] =>
  plainNegations(words, (option) => ["--filter", "--text", "--since"].includes(option));

describe("a filter that begins with a minus", () => {
  it("is written with NOT, which says the same", () => {
    assert.deepEqual(plain("search", "-process.name = curl"), ["search", "NOT process.name = curl"]);
    assert.deepEqual(plain("search", "-(a = 1 OR b = 2)", "--json"), ["search", "NOT (a = 1 OR b = 2)", "--json"]);
    assert.deepEqual(plain("-host.name=web1"), ["NOT host.name=web1"]);
    assert.deepEqual(plain("-user.id != 0"), ["NOT user.id != 0"]);
  });

  it("stays as it is where it is an option, an option's value, or behind --", () => {
    for (const words of [["-h"], ["--json"], ["-V"], ["--text", "-a = b"], ["--", "-a = b"], ["--since", "-2h"]])
      assert.deepEqual(plain(...words), words);
  });
});
