import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { mappingTables } from "./index.ts";

describe("docs/detection.md", () => {
  it("has the fields as they are mapped", () => {
    const text = readFileSync(new URL("../../../docs/detection.md", import.meta.url), "utf8");
    assert.ok(text.endsWith(mappingTables()), `its end should be:\n\n${mappingTables()}`);
  });
});
