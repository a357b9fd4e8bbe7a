import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bytesText, counted, countText, wordOf } from "./words.ts";

describe("words", () => {
  it("tell numbers beyond 53 bits exactly", () => {
    assert.equal(countText("18446744073709551615"), "18,446,744,073,709,551,615");
    assert.equal(counted("1", "event"), "1 event");
    assert.equal(counted(undefined, "event"), "0 events");
  });

  it("tell bytes in their unit", () => {
    assert.equal(bytesText(0), "0 B");
    assert.equal(bytesText("1536"), "1.5 KiB");
    assert.equal(bytesText(200 * 1024 ** 3), "200 GiB");
  });

  it("are those of the protos without their prefix", () => {
    assert.equal(wordOf("CLOSE_REASON_FALSE_POSITIVE", "CLOSE_REASON"), "false positive");
    assert.equal(wordOf(undefined, "SEVERITY"), "");
  });
});
