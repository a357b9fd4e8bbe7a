import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Warnings } from "./warnings.ts";

describe("warnings about other processes", () => {
  it("are written once in ten seconds for each text, with how many were left out", () => {
    const written: [object, string][] = [];
    let nowMs = 0;
    const take = (fields: object, text?: string): void => void written.push([fields, text ?? ""]);
    const warnings = new Warnings({ warn: take, debug: take }, () => nowMs);
    for (; nowMs < 25_000; nowMs += 100) warnings.warn({ at: nowMs }, "forged");
    warnings.warn({}, "another");
    assert.deepEqual(written, [
      [{ at: 0 }, "forged"],
      [{ at: 10_000, leftOut: 99 }, "forged"],
      [{ at: 20_000, leftOut: 99 }, "forged"],
      [{}, "another"],
    ]);
  });
});
