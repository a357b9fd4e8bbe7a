import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { tarOf } from "./tar.ts";

describe("a tar file of the console", () => {
  it("is what tar reads: each file with its bytes", () => {
    const folder = mkdtempSync(join(tmpdir(), "hosttrail-tar-"));
    try {
      const contents = fc.array(fc.uint8Array({ maxLength: 1200 }), { minLength: 1, maxLength: 6 });
      fc.assert(
        fc.property(contents, (all) => {
          const files = all.map((bytes, at) => ({ name: `log/file-${at}`, bytes: Uint8Array.from(bytes) }));
          writeFileSync(join(folder, "x.tar"), Buffer.concat(tarOf(files)));
          execFileSync("tar", ["--extract", "--file", "x.tar"], { cwd: folder });
          for (const { name, bytes } of files)
            assert.deepEqual(Uint8Array.from(readFileSync(join(folder, name))), bytes);
        }),
        { numRuns: 30 },
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("takes no name that its field has no place for", () => {
    assert.throws(() => tarOf([{ name: "x".repeat(101), bytes: new Uint8Array(0) }]), /is too long/);
  });
});
