import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Failed, failedText, readFailed } from "./failed.ts";

const TESTS = `import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
describe("outer", () => {
  it("one line", () => { throw new Error("it's not there"); });
  it("several # lines", () => assert.deepEqual([1, 2], [1, 3]));
  it("passes", () => undefined);
  it("skipped", { skip: "no reason" }, () => { throw new Error("not run"); });
  it("later", { todo: "later" }, () => { throw new Error("known"); });
  it("too slow", { timeout: 50 }, () => new Promise((resolve) => setTimeout(resolve, 500)));
});
describe("hooked", () => {
  before(() => { throw new Error("not begun"); });
  it("never", () => undefined);
});
`;

describe("what failed in a test run", () => {
  let folder: string;
  let text: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "hosttrail-tap-"));
    writeFileSync(join(folder, "a.test.mjs"), TESTS);
    writeFileSync(join(folder, "b.test.mjs"), `throw new Error("cannot be loaded");\n`);
    // The runner itself, not a report that somebody wrote.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const words = ["--test", "--test-reporter=tap", join(folder, "a.test.mjs"), join(folder, "b.test.mjs")];
    text = spawnSync(process.execPath, words, { env, encoding: "utf8" }).stdout;
  });
  after(() => rmSync(folder, { recursive: true }));

  it("is read from what Node's runner writes: tests, hooks and files, and nothing that only follows", () => {
    const failed = readFailed(text);
    const at = (file: string, place: string): string => `${join(folder, file)}:${place}`;
    assert.deepEqual(
      failed.map(({ name, location, error }) => [name, location, error[0]]),
      [
        ["one line", at("a.test.mjs", "4:3"), "it's not there"],
        ["several # lines", at("a.test.mjs", "5:3"), "Expected values to be strictly deep-equal:"],
        ["too slow", at("a.test.mjs", "9:3"), "test timed out after 50ms"],
        ["hooked", at("a.test.mjs", "11:1"), "not begun"],
        [join(folder, "b.test.mjs"), at("b.test.mjs", "1:1"), "test failed"],
      ],
    );
    assert.ok(failed[1]?.error.includes("+   2"), failed[1]?.error.join("\n"));
  });

  it("is told with its suite and place, and not without end", () => {
    const one: Failed = { name: "a", location: join(process.cwd(), "e2e/a.test.ts:1:2"), error: ["x", "", "y"] };
    assert.equal(
      failedText([{ name: "unit", failed: [one] }]),
      "failed: unit: a (e2e/a.test.ts:1:2)\n    x\n\n    y\n",
    );
    const long = { ...one, error: Array.from({ length: 100 }, (_, line) => `${line}`) };
    const lines = failedText([{ name: "unit", failed: Array.from({ length: 40 }, () => long) }]).split("\n");
    assert.equal(lines.length, 30 * 17 + 2);
    assert.equal(lines.at(-2), "failed: 10 more");
  });

  it("is nothing where nothing failed", () => {
    assert.deepEqual(readFailed("TAP version 13\nok 1 - a\n"), []);
    assert.deepEqual(readFailed("not ok 1 - a\n  ---\n  error: 'cut off"), [
      { name: "a", location: "", error: ["'cut off"] },
    ]);
    assert.equal(failedText([{ name: "unit", failed: [] }]), "");
  });
});
