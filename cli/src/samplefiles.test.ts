import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { sampleFiles } from "./samplefiles.ts";

describe("files of samples", () => {
  const folder = mkdtempSync(join(tmpdir(), "hosttrail-samplefiles-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("are those that are named, and all of a folder in the order of their names", () => {
    for (const name of ["web2.json", "web1.json", "notes.txt", ".hidden.json"]) writeFileSync(join(folder, name), "{}");
    assert.deepEqual(sampleFiles(folder), [join(folder, "web1.json"), join(folder, "web2.json")]);
    assert.deepEqual(sampleFiles(join(folder, "notes.txt")), [join(folder, "notes.txt")]);
    assert.deepEqual(sampleFiles(join(folder, "none.json")), [join(folder, "none.json")]);
  });

  it("are missed where a folder has none", () => {
    const empty = join(folder, "empty");
    mkdirSync(empty);
    assert.throws(() => sampleFiles(empty), /empty: no sample is in this folder; their names end in \.json/);
  });
});
