import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ValueQuestion } from "../predicate/index.ts";
import { weightOf } from "./weight.ts";

const equal = (text: string): ValueQuestion => ({ equals: text, test: (value) => value === text });
const within = (part: string): ValueQuestion => ({ part, test: (_, lower) => lower.includes(part) });

describe("how often a question passes", () => {
  it("is the less the longer the text", () => {
    assert.ok(weightOf("CommandLine", within("curl")) > weightOf("CommandLine", within("zanzibar")));
    assert.ok(weightOf("CommandLine", within("zanzibar")) > weightOf("CommandLine", equal("zanzibar")));
    assert.equal(weightOf("CommandLine", within("")), 1);
  });

  it("is much where a field says that all the time, whatever its length", () => {
    assert.ok(weightOf("SYSCALL", equal("execve")) > weightOf("SYSCALL", equal("mount")));
    assert.ok(weightOf("success", equal("yes")) > weightOf("SYSCALL", equal("mount")) * 3);
    assert.ok(weightOf("ParentImage", within("/bash")) > weightOf("Image", within("/gcc")));
  });

  it("is half at most where a field has usual values and the text is none of them", () => {
    const short: ValueQuestion = { parts: ["cc", "go", "ld", "as"], test: (_, lower) => lower.endsWith("/cc") };
    assert.equal(weightOf("Image", short), 0.5);
    assert.equal(weightOf("CommandLine", short), 1);
  });
});
