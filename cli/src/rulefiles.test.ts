import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TestRulesRequest } from "@hosttrail/proto/rule";
import fc from "fast-check";
import { inParts } from "./rulefiles.ts";

const MESSAGE_BYTES_MAX = 64 * 1024;

describe("rule files in parts", () => {
  it("are the same files, put together again, and each part fits into a message", () => {
    const unit = fc.constantFrom("a", "\n", "é", "\uffee", "\u{1f600}");
    const text = fc
      .tuple(fc.string({ unit, minLength: 1, maxLength: 5 }), fc.constantFrom(1, 3000, 9001))
      .map(([part, times]) => part.repeat(times));
    const list = fc.array(fc.oneof(text, fc.constant("")), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(list, fc.constantFrom(1, 400), (texts, length) => {
        const files = texts.map((each, at) => ({ path: `${"x".repeat(length)}${at}`, text: each }));
        const again = new Map<string, string>();
        for (const part of inParts(files)) {
          const bytes = TestRulesRequest.encode(TestRulesRequest.fromPartial({ files: part })).finish();
          assert.ok(bytes.length <= MESSAGE_BYTES_MAX, String(bytes.length));
          // As it is on the wire: a character that was cut in two would not come back.
          for (const { path, text: each } of TestRulesRequest.decode(bytes).files)
            again.set(path, (again.get(path) ?? "") + each);
        }
        assert.deepEqual(
          [...again].map(([path, each]) => ({ path, text: each })),
          files,
        );
      }),
    );
  });
});
