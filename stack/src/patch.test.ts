import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { patched } from "./patch.ts";

const LINE = `\tIDColumn = DefaultColumn + "->'$._id'"\n`;

describe("the change to FerretDB", () => {
  it("changes the one line", () => {
    assert.equal(patched(`a\n${LINE}b\n`), `a\n\tIDColumn = DefaultColumn + "->'_id'"\nb\n`);
  });

  it("is refused where the line is not there just once", () => {
    assert.throws(() => patched("a\nb\n"), /0 times, not once/);
    assert.throws(() => patched(LINE + LINE), /2 times, not once/);
  });
});
