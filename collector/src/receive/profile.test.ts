import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openLogger } from "@hosttrail/lib/log";
import { HostProfile } from "@hosttrail/proto/ingest";
import type { KeptProfile } from "../model/index.ts";
import { ProfileKeeper, profileProblem } from "./profile.ts";

const VERSION = "a".repeat(64);
const profile = (change: Partial<HostProfile> = {}): HostProfile =>
  HostProfile.fromPartial({ version: VERSION, auditRules: ["-a always,exit -S execve -k exec"], ...change });

describe("the profile of a host", () => {
  it("is taken within its bounds, and else named with what is too much", () => {
    assert.equal(profileProblem(profile()), undefined);
    assert.match(profileProblem(profile({ version: "1" })) ?? "", /version/);
    assert.match(profileProblem(profile({ auditRules: Array(1025).fill("-k a") })) ?? "", /1025 audit rules; 1024/);
    assert.match(profileProblem(profile({ auditRules: ["ü".repeat(4097)] })) ?? "", /8192 bytes/);
    assert.match(profileProblem(profile({ auditRules: Array(9).fill("x".repeat(8192)) })) ?? "", /73728 bytes; 65536/);
    assert.match(profileProblem(profile({ auditRules: ["-k a\n-D"] })) ?? "", /more than one line/);
    assert.match(profileProblem(profile({ auditProblem: "x".repeat(257) })) ?? "", /audit_problem/);
    assert.match(profileProblem(profile({ spec: "x".repeat(129) })) ?? "", /spec/);
  });

  it("is written once of many that come at once, the last one after the first", async () => {
    const written: KeptProfile[] = [];
    const archive = {
      profileVersion: async () => "",
      putProfile: async (kept: KeptProfile) => void written.push(kept),
    };
    const keeper = new ProfileKeeper(archive, "1".repeat(32), openLogger("test", "error"));
    for (let at = 0; at < 100; at++) keeper.take(profile({ spec: `example@${at}` }));
    await sleep(20);
    keeper.close();
    assert.deepEqual(
      written.map(({ spec }) => spec),
      ["example@0"],
    );
    assert.equal(written[0]?.auditRulesSha256.length, 64);
  });
});
