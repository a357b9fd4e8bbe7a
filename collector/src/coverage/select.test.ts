import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CoverageFilter, CoverageGrouping, CoverageState as StateNumber } from "@hosttrail/proto/coverage";
import type { CoveredInstance } from "../model/index.ts";
import { Counts, grouper, selector } from "./select.ts";

function instance(changes: Partial<CoveredInstance> = {}): CoveredInstance {
  return {
    account: "111122223333",
    region: "eu-west-1",
    instanceId: "i-1",
    name: "",
    tags: { team: "a", empty: "" },
    platform: "",
    architecture: "",
    imageId: "",
    launchMs: 0,
    power: "running",
    group: "web",
    imageName: "",
    state: "covered",
    reason: "reporting",
    sinceMs: 0,
    firstSeenMs: 0,
    endMs: 0,
    wasHeard: true,
    hostId: "",
    hostName: "",
    isVerified: false,
    hosts: 0,
    exclusion: undefined,
    ...changes,
  };
}

describe("machines that are asked for", () => {
  const fits = (filter: Parameters<typeof CoverageFilter.fromPartial>[0]): boolean =>
    selector(CoverageFilter.fromPartial(filter))(instance());

  it("fit to all that is given, and to any value of one field", () => {
    assert.ok(selector(undefined)(instance()));
    assert.ok(fits({ states: [StateNumber.LATE, StateNumber.COVERED], regions: ["eu-west-1"], tags: { team: "a" } }));
    assert.ok(fits({ tags: { team: "" } }) && fits({ tags: { empty: "" } }), "any value");
    assert.ok(!fits({ tags: { team: "b" } }) && !fits({ tags: { toString: "" } }) && !fits({ groups: ["db"] }));
    assert.ok(!fits({ states: [StateNumber.COVERED], accounts: ["444455556666"] }));
  });

  it("are refused where the question is wrong, with the field and what is allowed", () => {
    const refused: [Parameters<typeof CoverageFilter.fromPartial>[0], RegExp][] = [
      [{ states: [StateNumber.UNSPECIFIED] }, /filter\.states is 0; allowed are/],
      [{ states: [99 as StateNumber] }, /filter\.states is 99; allowed are/],
      [{ accounts: ["12345"] }, /filter\.accounts is "12345"; allowed are accounts of twelve digits/],
      [
        { regions: Array.from({ length: 101 }, () => "x") },
        /the number of filter\.regions is 101; allowed are up to 100/,
      ],
      [{ tags: { key: "x".repeat(257) } }, /filter\.tags is .* up to 256 characters/],
    ];
    for (const [filter, problem] of refused)
      assert.throws(() => selector(CoverageFilter.fromPartial(filter)), { details: problem });
    const wrong: [CoverageGrouping, string][] = [
      [CoverageGrouping.TAG, ""],
      [CoverageGrouping.ACCOUNT, "team"],
      [CoverageGrouping.TAG, "x".repeat(129)],
      [99 as CoverageGrouping, ""],
    ];
    for (const [grouping, key] of wrong) assert.throws(() => grouper(grouping, key), { details: /allowed are/ });
  });

  it("are counted by state and by group; of too many groups the number is told", () => {
    const byTag = grouper(CoverageGrouping.TAG, "team");
    const counts = new Counts();
    for (let number = 0; number < 1005; number++) {
      const each = instance({ tags: { team: String(number) }, state: number === 0 ? "silent" : "covered" });
      counts.add(each, byTag?.(each));
    }
    counts.add(instance(), "7");
    const { counts: all, groups, leftOutGroups } = counts.told;
    assert.deepEqual(
      all.map(({ state, instances }) => [state, instances]),
      [
        [StateNumber.COVERED, 1005n],
        [StateNumber.SILENT, 1n],
      ],
    );
    assert.equal(groups[0]?.name, "7", "the one with most of them");
    assert.deepEqual([groups.length, leftOutGroups, counts.total], [1000, 5, 1006]);
  });
});
