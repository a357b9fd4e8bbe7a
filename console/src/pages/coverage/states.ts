/** States of machines, the worst first, and how each looks. Pure. */
import type { CoverageCount, CoverageState } from "../../api/index.ts";
import type { Tone } from "../../show/index.ts";

interface Shown {
  state: CoverageState;
  /** As an address has it. */
  key: string;
  tone: Tone;
}

/** All that a machine can be in. */
export const STATES: readonly Shown[] = [
  { state: "COVERAGE_STATE_NEVER_ENROLLED", key: "never-enrolled", tone: "bad" },
  { state: "COVERAGE_STATE_DIED_UNSEEN", key: "died-unseen", tone: "bad" },
  { state: "COVERAGE_STATE_SILENT", key: "silent", tone: "bad" },
  { state: "COVERAGE_STATE_AUDITING_OFF", key: "auditing-off", tone: "bad" },
  { state: "COVERAGE_STATE_LOSING", key: "losing", tone: "bad" },
  { state: "COVERAGE_STATE_LATE", key: "late", tone: "warn" },
  { state: "COVERAGE_STATE_STARTING", key: "starting", tone: "plain" },
  { state: "COVERAGE_STATE_UNSUPPORTED", key: "unsupported", tone: "warn" },
  { state: "COVERAGE_STATE_EXCLUDED", key: "excluded", tone: "plain" },
  { state: "COVERAGE_STATE_STOPPED", key: "stopped", tone: "plain" },
  { state: "COVERAGE_STATE_COVERED", key: "covered", tone: "good" },
];

export function shownState(state: CoverageState | undefined): { key: string; tone: Tone } {
  return STATES.find((each) => each.state === state) ?? { key: "not known", tone: "plain" };
}

/** Machines in a state. */
export function countIn(counts: readonly CoverageCount[] | undefined, state: CoverageState): number {
  return Number(counts?.find((each) => each.state === state)?.instances ?? 0);
}

export function allIn(counts: readonly CoverageCount[] | undefined): number {
  return (counts ?? []).reduce((sum, { instances }) => sum + Number(instances ?? 0), 0);
}

/** What of the machines that should have an agent has one that reports well; undefined where there is none that should. */
export function coveredShare(counts: readonly CoverageCount[] | undefined): number | undefined {
  const spared = ["COVERAGE_STATE_EXCLUDED", "COVERAGE_STATE_STOPPED", "COVERAGE_STATE_STARTING"] as const;
  const wanted = spared.reduce((sum, state) => sum - countIn(counts, state), allIn(counts));
  return wanted <= 0 ? undefined : countIn(counts, "COVERAGE_STATE_COVERED") / wanted;
}
