import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Remembering } from "./remembering.ts";

describe("what is remembered", () => {
  it("is read once for each name, and again where it could not be read", async () => {
    const asked: string[] = [];
    const keys = new Remembering(async (name) => {
      asked.push(name);
      if (asked.length === 1) throw new Error("the database is away");
      return `${name}!`;
    });
    const failed = await Promise.allSettled([keys.get("a"), keys.get("a")]);
    assert.deepEqual(
      failed.map(({ status }) => status),
      ["rejected", "rejected"],
    );
    assert.deepEqual(await Promise.all([keys.get("a"), keys.get("a"), keys.get("b")]), ["a!", "a!", "b!"]);
    assert.equal(await keys.get("a"), "a!");
    assert.deepEqual(asked, ["a", "a", "b"]);
  });
});
