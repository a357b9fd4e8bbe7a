import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CoverageState } from "@hosttrail/proto/coverage";
import { allIn, countIn, coveredShare, shownState, STATES } from "./states.ts";

const count = (state: (typeof STATES)[number]["state"], instances: number) => ({ state, instances: String(instances) });

describe("states of machines", () => {
  it("are all shown, each by a word of its own", () => {
    const all = Object.keys(CoverageState)
      .filter((name) => !/^\d+$|UNSPECIFIED|UNRECOGNIZED/.test(name))
      .map((name) => name.replace(/^COVERAGE_STATE_/, ""));
    assert.deepEqual(new Set(STATES.map(({ state }) => state.replace(/^COVERAGE_STATE_/, ""))), new Set(all));
    assert.equal(new Set(STATES.map(({ key }) => key)).size, STATES.length);
    assert.equal(shownState(undefined).key, "not known");
  });

  it("are counted, and what should have an agent and has one is a share of those that should", () => {
    const counts = [
      count("COVERAGE_STATE_COVERED", 6),
      count("COVERAGE_STATE_SILENT", 2),
      count("COVERAGE_STATE_EXCLUDED", 5),
      count("COVERAGE_STATE_STOPPED", 7),
    ];
    assert.equal(allIn(counts), 20);
    assert.equal(countIn(counts, "COVERAGE_STATE_LATE"), 0);
    assert.equal(coveredShare(counts), 0.75);
    assert.equal(coveredShare([count("COVERAGE_STATE_STOPPED", 7)]), undefined);
    assert.equal(coveredShare(undefined), undefined);
  });
});
