/** The state of a machine, decided from what the cloud and its host tell. Knows no server and no clock. */
import type { CloudInstance, CoverageReason, CoverageState, CoveredInstance } from "../model/index.ts";
import { type ExclusionRule, exclusionOf } from "./exclude.ts";
import type { Claims, Standing } from "./hosts.ts";
import { unsupportedBy } from "./support.ts";

export interface JudgeOptions {
  exclusions: readonly ExclusionRule[];
  groupTag: string;
  /** Milliseconds after its launch in which a machine is not missed. */
  graceMs: number;
  /** Milliseconds without anything after which a host is silent. */
  silentMs: number;
}

/** What is known of a machine from earlier. */
export type Earlier = Pick<CoveredInstance, "state" | "sinceMs" | "firstSeenMs" | "endMs" | "wasHeard">;

/** Agents tell their ledger each minute, so that something comes of every host. The console calls hosts late after the same time. */
const LATE_MS = 180_000;

interface Verdict {
  state: CoverageState;
  reason: CoverageReason;
}

const STARTING: Verdict = { state: "starting", reason: "launched-lately" };

/**
 * The machine as it is now. Undefined where it is gone, and was heard of or needed no agent: then nothing is missing.
 */
export function judge(
  instance: CloudInstance,
  { standing, hosts, refused }: Claims,
  earlier: Earlier | undefined,
  imageName: string,
  options: JudgeOptions,
  nowMs: number,
): CoveredInstance | undefined {
  const wasHeard = (earlier?.wasHeard ?? false) || (standing?.lastReceivedMs ?? 0) > 0;
  const excluded = exclusionOf(options.exclusions, instance, nowMs);
  const isExcluded = excluded !== undefined && !excluded.isOver;
  const unsupported = unsupportedBy(instance, imageName);
  if (instance.power === "ended" && (wasHeard || isExcluded || unsupported !== undefined)) return undefined;
  const isYoung = nowMs - instance.launchMs < options.graceMs;
  const alone = (): Verdict => {
    // Of one that can have no agent somebody has to answer for it, too.
    if (isExcluded) return { state: "excluded", reason: "excluded" };
    if (unsupported !== undefined) return { state: "unsupported", reason: unsupported };
    if (isYoung) return STARTING;
    if (refused) return { state: "never-enrolled", reason: "claim-refused" };
    return { state: "never-enrolled", reason: excluded === undefined ? "no-agent" : "exclusion-over" };
  };
  // One that has just enrolled may not have said anything yet.
  const isNew = isYoung && standing?.lastReceivedMs === 0 && !standing.isRevoked;
  const { state, reason } = verdictOf(instance, isNew ? undefined : standing, isExcluded, alone, options, nowMs);
  return {
    ...instance,
    group: instance.tags[options.groupTag] ?? "",
    imageName,
    state,
    reason,
    sinceMs: earlier?.state === state ? earlier.sinceMs : nowMs,
    firstSeenMs: earlier?.firstSeenMs ?? nowMs,
    endMs: instance.power === "ended" ? earlier?.endMs || nowMs : 0,
    wasHeard,
    hostId: standing?.hostId ?? "",
    hostName: standing?.name ?? "",
    isVerified: standing?.isVerified ?? false,
    hosts,
    exclusion: excluded?.exclusion,
  };
}

function verdictOf(
  { power }: CloudInstance,
  standing: Standing | undefined,
  isExcluded: boolean,
  alone: () => Verdict,
  { silentMs }: JudgeOptions,
  nowMs: number,
): Verdict {
  if (power === "ended") return { state: "died-unseen", reason: "ended-unseen" };
  if (power === "stopped") return { state: "stopped", reason: "not-running" };
  if (standing === undefined) return alone();
  const spoken = spokenOf(standing, silentMs, nowMs);
  // A host that reports is covered, whatever was decided; one that does not is what was decided.
  return spoken.state === "silent" && isExcluded ? { state: "excluded", reason: "excluded" } : spoken;
}

/** Of a machine that runs and has a host. */
function spokenOf(standing: Standing, silentMs: number, nowMs: number): Verdict {
  const { isRevoked, lastReceivedMs, goodbye, troubles, missingEvents } = standing;
  if (isRevoked) return { state: "silent", reason: "revoked" };
  if (lastReceivedMs === 0) return { state: "silent", reason: "never-reported" };
  const quietMs = nowMs - lastReceivedMs;
  if (quietMs > silentMs) {
    if (goodbye === "stopped") return { state: "silent", reason: "agent-stopped" };
    return { state: "silent", reason: goodbye === "going-down" ? "system-went-down" : "nothing-comes" };
  }
  if (troubles.has("rules-refused")) return { state: "auditing-off", reason: "rules-refused" };
  if (quietMs > LATE_MS) return { state: "late", reason: "report-overdue" };
  if (troubles.has("lost-before-agent")) return { state: "losing", reason: "lost-before-agent" };
  if (troubles.has("lost-in-agent")) return { state: "losing", reason: "lost-in-agent" };
  if (troubles.has("trail-incomplete") || missingEvents > 0) return { state: "losing", reason: "trail-incomplete" };
  return { state: "covered", reason: "reporting" };
}
