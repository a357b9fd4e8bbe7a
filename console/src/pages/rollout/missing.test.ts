import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { byText, medianOf, missingOf, newestOf, sinceEnrolled } from "./missing.ts";

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

  it("tells how long a host took from its enrolment, where both ends are known", () => {
    const host = { enrollTime: "2026-01-01T00:00:00Z" };
    assert.equal(sinceEnrolled(host, "2026-01-01T00:00:04Z"), 4000);
    // Clocks of two collectors may differ.
    assert.equal(sinceEnrolled(host, "2025-12-31T23:59:59Z"), 0);
    assert.equal(sinceEnrolled(host, undefined), undefined);
    assert.equal(sinceEnrolled({}, "2026-01-01T00:00:04Z"), undefined);
    assert.equal(medianOf([3, 1, 2]), 2);
    assert.equal(medianOf([]), undefined);
  });

  it("has those first that enrolled last, and leaves out those of which that is not known", () => {
    const hosts = [
      { hostId: "a", enrollTime: "2026-01-01T00:00:00Z" },
      { hostId: "b" },
      { hostId: "c", enrollTime: "2026-02-01T00:00:00Z" },
    ];
    assert.deepEqual(
      newestOf(hosts).map(({ hostId }) => hostId),
      ["c", "a"],
    );
  });
});
