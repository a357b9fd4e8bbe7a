import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { tarEnd, tarMember } from "./tar.ts";

describe("a tar", () => {
  it("is read by tar, whatever the sizes of its files", () => {
    const files = [0, 1, 511, 512, 513, 5000].map((size) => ({ name: `f/${size}`, bytes: Buffer.alloc(size, "x") }));
    const tar = Buffer.concat([
      ...files.map(({ name, bytes }) => tarMember(name, bytes, Date.parse("2026-01-31T12:00:00Z"))),
      tarEnd(),
    ]);
    const listed = execFileSync("tar", ["-tvf", "-", "--utc"], { input: tar, encoding: "utf8" }).trimEnd().split("\n");
    assert.equal(listed.length, files.length);
    for (const [at, line] of listed.entries())
      assert.match(line, new RegExp(`^-rw------- .* ${files[at]?.bytes.length} 2026-01-31 12:00 f/`));
    for (const { name, bytes } of files)
      assert.ok(execFileSync("tar", ["-xOf", "-", name], { input: tar }).equals(bytes), name);
  });

  it("takes no name that it could not hold", () => {
    assert.throws(() => tarMember("n".repeat(101), Buffer.alloc(0), 0), /up to 100 bytes/);
  });
});
