import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { byText, missingOf } from "./missing.ts";

describe("the rollout", () => {
  it("misses hosts that enrolled, are valid, and sent nothing", () => {
    const identities = [{ hostId: "a" }, { hostId: "b" }, { hostId: "c", revokeTime: "2026-01-01T00:00:00Z" }];
    assert.deepEqual(missingOf(identities, [{ hostId: "a" }]), [{ hostId: "b" }]);
  });

  it("counts hosts by version, the most frequent first", () => {
    const hosts = ["1", "2", "2"].map((agentVersion) => ({ agentVersion }));
    assert.deepEqual(
      byText(hosts, ({ agentVersion = "" }) => agentVersion).map(({ version, hosts: { length } }) => [version, length]),
      [
        ["2", 2],
        ["1", 1],
      ],
    );
  });
});
