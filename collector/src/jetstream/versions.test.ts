import assert from "node:assert/strict";
import { it } from "node:test";
import { problemsOf } from "./versions.ts";

it("versions that lose what they acknowledged are known", () => {
  for (const old of ["2.9.25", "2.10.22", "v2.10.0-beta.1"]) assert.equal(problemsOf(old, 1)[0]?.isFatal, true, old);
  assert.deepEqual(problemsOf("2.10.23", 1), []);
  assert.equal(problemsOf("2.10.23", 3)[0]?.isFatal, false);
  assert.deepEqual(problemsOf("2.12.1", 1), []);
  assert.match(problemsOf("2.12.1", 3)[0]?.what ?? "", /2\.12\.1.*2\.12\.3/);
  assert.deepEqual(problemsOf("2.15.2", 3), []);
  assert.match(problemsOf("dev", 1)[0]?.what ?? "", /"dev" cannot be read/);
});
