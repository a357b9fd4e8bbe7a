import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { profileOf } from "./index.ts";

describe("the profile of a host", () => {
  it("has another version as soon as anything in it differs, and the same one else", () => {
    const facts = { auditRules: ["-a always,exit -S execve -k exec"], spec: "example@0123456789ab\n" };
    const { version, spec } = profileOf(facts);
    assert.match(version, /^[0-9a-f]{64}$/);
    assert.equal(spec, "example@0123456789ab");
    assert.equal(profileOf({ ...facts }).version, version);
    const others = [
      { ...facts, auditRules: [] },
      { ...facts, auditRules: { problem: "no kernel" } },
      { ...facts, spec: "example@fedcba987654" },
      { ...facts, auditRules: [...facts.auditRules, ...facts.auditRules] },
    ];
    assert.equal(new Set([version, ...others.map((other) => profileOf(other).version)]).size, others.length + 1);
  });

  it("counts what is beyond its bounds: rules in all, bytes of one, and of all together", () => {
    const many = profileOf({ auditRules: Array.from({ length: 2000 }, (_, at) => `-k ${at}`), spec: "" });
    assert.deepEqual([many.auditRules.length, many.auditRulesLeftOut], [1024, 976]);
    const long = profileOf({ auditRules: [`-k ${"ü".repeat(4096)}`, "-k b"], spec: "" });
    assert.deepEqual([long.auditRules, long.auditRulesLeftOut], [["-k b"], 1]);
    const wide = profileOf({ auditRules: Array.from({ length: 20 }, () => "x".repeat(8000)), spec: "" });
    assert.deepEqual([wide.auditRules.length, wide.auditRulesLeftOut], [8, 12]);
  });

  it("takes one line of a spec, and no more of it than fits", () => {
    assert.equal(profileOf({ auditRules: [], spec: ` a@1 \nb\n` }).spec, "a@1");
    assert.equal(profileOf({ auditRules: [], spec: "x".repeat(1000) }).spec.length, 128);
  });
});
