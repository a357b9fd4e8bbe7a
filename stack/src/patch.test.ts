import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CHANGES, patched } from "./patch.ts";

describe("the changes to FerretDB", () => {
  for (const change of CHANGES) {
    const { file, old, times, now } = change;

    it(`change ${file}`, () => {
      const lines = Array.from({ length: times }, () => `\t${old}\n`);
      assert.equal(patched(`a\n${lines.join("b\n")}c\n`, change), `a\n${lines.join("b\n").replaceAll(old, now)}c\n`);
    });

    it(`are refused where ${file} has the line another number of times`, () => {
      assert.throws(() => patched("a\nb\n", change), /0 times, not/);
      assert.throws(
        () => patched(`${old}\n`.repeat(times + 1), change),
        new RegExp(`${times + 1} times, not ${times}`),
      );
    });
  }
});
