import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Remembered } from "./remembered.ts";

describe("what is read once for all pages", () => {
  it("is read anew by each first page, and after a while", async (test) => {
    test.mock.timers.enable({ apis: ["setTimeout"] });
    let reads = 0;
    const remembered = new Remembered(async () => ++reads);
    assert.deepEqual(await Promise.all([false, false].map((isFirst) => remembered.get(isFirst))), [1, 1]);
    assert.equal(await remembered.get(true), 2);
    assert.equal(await remembered.get(false), 2);
    // The first reading's time is over, and not that of the second one.
    test.mock.timers.tick(59_000);
    assert.equal(await remembered.get(false), 2);
    test.mock.timers.tick(1000);
    assert.equal(await remembered.get(false), 3);
    remembered.forget();
    assert.equal(await remembered.get(false), 4);
  });

  it("is tried again where it could not be read", async () => {
    let isAway = true;
    const remembered = new Remembered(async () => {
      if (isAway) throw new Error("away");
      return 1;
    });
    await assert.rejects(remembered.get(false), /away/);
    isAway = false;
    assert.equal(await remembered.get(false), 1);
  });
});
