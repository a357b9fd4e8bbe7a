import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Irregular, IRREGULAR_MAX } from "./irregular.ts";

const DAY_MS = 86_400_000;

describe("what does not continue a host's trail", () => {
  it("is admitted so often on a day, host by host, and what continues it always", () => {
    const irregular = new Irregular();
    const times = (hostId: string, status: "gap" | "continues" | "forked", day: number): number => {
      let admitted = 0;
      for (let time = 0; time < IRREGULAR_MAX + 5; time++) {
        if (irregular.admits(hostId, status, day * DAY_MS + time)) admitted++;
      }
      return admitted;
    };
    assert.equal(times("a", "gap", 3), IRREGULAR_MAX);
    assert.equal(times("a", "forked", 3), 0);
    assert.equal(times("a", "continues", 3), IRREGULAR_MAX + 5);
    assert.equal(times("b", "forked", 3), IRREGULAR_MAX);
    assert.equal(times("a", "gap", 4), IRREGULAR_MAX);
  });
});
