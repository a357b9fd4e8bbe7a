import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EvidenceFiles, EvidenceTooLarge } from "./evidence.ts";

/** As JSON has bytes. */
const COLUMNS = "x".repeat(800) as unknown as Uint8Array;

describe("evidence that is put together in a browser", () => {
  it("ends where there is more than a page holds", () => {
    const files = new EvidenceFiles({}, 1000);
    files.add({ block: { id: "a", columns: COLUMNS } });
    assert.throws(() => files.add({ block: { id: "b", columns: COLUMNS } }), EvidenceTooLarge);
  });

  it("says which time it is of, to the nanosecond, and that there is no bound where none was asked for", async () => {
    const manifestOf = async (files: EvidenceFiles): Promise<{ start: string; end: string }> => {
      files.add({ about: { hostId: "1" } });
      const text = Buffer.concat(await files.tar()).toString();
      return JSON.parse(text.slice(text.lastIndexOf('{\n  "format"')).replaceAll("\0", "")) as {
        start: string;
        end: string;
      };
    };
    const { start, end } = await manifestOf(new EvidenceFiles({ startTime: "2026-01-31T00:00:00.001Z" }));
    assert.equal(start, "1769817600001000000");
    assert.equal(end, "9223372036854775807");
  });
});
