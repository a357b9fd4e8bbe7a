import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { checkRules, readAuditRules } from "@hosttrail/lib/detect";
import { readRules } from "@hosttrail/lib/sigma";
import { compileRules } from "./compile.ts";
import { describeRule } from "./describe.ts";

const FOLDER = new URL("../../../packaging/agent/rules", import.meta.url).pathname;
/** The product's detections. */
const DETECTIONS = new URL("../../../rules/baseline", import.meta.url).pathname;

describe("the curated rule sets", () => {
  for (const file of readdirSync(FOLDER).sort()) {
    const text = readFileSync(join(FOLDER, file), "utf8");

    it(`${file} compiles for every architecture`, () => {
      for (const arch of ["x86_64", "aarch64"] as const) {
        const host = { arch, userId: () => undefined, groupId: () => undefined, isDirectory: () => false };
        const { rules, errors } = compileRules(text, file, host);
        assert.deepEqual(errors, []);
        assert.ok(rules.length >= 5, `${rules.length} rules`);
        assert.equal(new Set(rules.map(({ identity }) => identity)).size, rules.length, "no rule stands twice");
        // A key of its own for each purpose, so that filters and priorities can name it.
        for (const { data, source } of rules)
          assert.ok(
            data.fields.some(({ field }) => field === 210),
            source,
          );
      }
    });

    it(`${file} says of each group of rules what it is for and what it costs`, () => {
      for (const paragraph of text.split(/\n\n+/).filter((part) => /^-/m.test(part))) {
        assert.match(paragraph, /^#/, `a comment before:\n${paragraph}`);
      }
      assert.match(text, /[Cc]ost/);
    });
  }

  it("feed the same detections as the kernel lists them: as their files say", () => {
    const texts = readdirSync(FOLDER).map((file) => readFileSync(join(FOLDER, file), "utf8"));
    const host = {
      arch: "x86_64",
      userId: () => undefined,
      groupId: () => undefined,
      isDirectory: (path: string) => path.endsWith("/"),
    } as const;
    const listed = texts.flatMap((text) => compileRules(text, "", host).rules.map(({ data }) => describeRule(data)));
    const detections = readRules(
      readdirSync(DETECTIONS, { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".yml"))
        .map((file) => ({ path: file, text: readFileSync(join(DETECTIONS, file), "utf8") })),
    );
    const resultsBy = (audit: readonly string[]): string[] =>
      checkRules(detections, readAuditRules(audit)).map(({ title, result }) => `${title}: ${result}`);
    const results = resultsBy(listed);
    assert.ok(results.length > 200, `${results.length} rules`);
    assert.deepEqual(results, resultsBy(texts));
    // Without them the same rules cannot fire, so the comparison says something.
    assert.ok(resultsBy([]).filter((result) => result.endsWith("cannot fire here")).length > 150);
  });
});
