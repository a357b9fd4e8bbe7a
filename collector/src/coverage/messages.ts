/** What was found, as callers see it. */
import {
  type Coverage,
  type CoverageChange as ChangeMessage,
  type CoverageInstance,
  CoverageReason as ReasonNumber,
  CoverageState as StateNumber,
} from "@hosttrail/proto/coverage";
import type { CoverageChange, CoveragePoll, CoverageReason, CoverageState, CoveredInstance } from "../model/index.ts";
import { timestampOf } from "../serve/index.ts";
import { remedyOf, remedyOfProblem } from "./remedy.ts";

export const STATE_NUMBERS: Readonly<Record<CoverageState, StateNumber>> = {
  covered: StateNumber.COVERED,
  late: StateNumber.LATE,
  silent: StateNumber.SILENT,
  "auditing-off": StateNumber.AUDITING_OFF,
  losing: StateNumber.LOSING,
  starting: StateNumber.STARTING,
  "never-enrolled": StateNumber.NEVER_ENROLLED,
  unsupported: StateNumber.UNSUPPORTED,
  excluded: StateNumber.EXCLUDED,
  stopped: StateNumber.STOPPED,
  "died-unseen": StateNumber.DIED_UNSEEN,
};

const REASON_NUMBERS: Readonly<Record<CoverageReason, ReasonNumber>> = {
  reporting: ReasonNumber.REPORTING,
  "report-overdue": ReasonNumber.REPORT_OVERDUE,
  "nothing-comes": ReasonNumber.NOTHING_COMES,
  "agent-stopped": ReasonNumber.AGENT_STOPPED,
  "system-went-down": ReasonNumber.SYSTEM_WENT_DOWN,
  "never-reported": ReasonNumber.NEVER_REPORTED,
  revoked: ReasonNumber.REVOKED,
  "rules-refused": ReasonNumber.RULES_REFUSED,
  "lost-before-agent": ReasonNumber.LOST_BEFORE_AGENT,
  "lost-in-agent": ReasonNumber.LOST_IN_AGENT,
  "trail-incomplete": ReasonNumber.TRAIL_INCOMPLETE,
  "launched-lately": ReasonNumber.LAUNCHED_LATELY,
  "no-agent": ReasonNumber.NO_AGENT,
  "claim-refused": ReasonNumber.CLAIM_REFUSED,
  "exclusion-over": ReasonNumber.EXCLUSION_OVER,
  windows: ReasonNumber.WINDOWS,
  architecture: ReasonNumber.ARCHITECTURE,
  "system-too-old": ReasonNumber.SYSTEM_TOO_OLD,
  excluded: ReasonNumber.EXCLUDED,
  "not-running": ReasonNumber.NOT_RUNNING,
  "ended-unseen": ReasonNumber.ENDED_UNSEEN,
};

/** The message's part that is of the look itself, and of no machine. */
export function toLook(poll: CoveragePoll): Omit<Coverage, "counts" | "groups" | "leftOutGroups"> {
  const { startMs, endMs, accounts, problems, calls, leftOutInstances, refusedClaims, blindStartMs } = poll;
  return {
    startTime: timestampOf(startMs),
    endTime: timestampOf(endMs),
    accounts: accounts.map(({ account, name, seenMs, instances }) => ({
      account,
      name,
      seenTime: timestampOf(seenMs),
      instances: BigInt(instances),
    })),
    problems: problems.map((problem) => ({ ...problem, remedy: remedyOfProblem(problem) })),
    calls: calls.map((each) => ({
      operation: each.operation,
      calls: BigInt(each.calls),
      throttled: BigInt(each.throttled),
    })),
    leftOutInstances: BigInt(leftOutInstances),
    refusedClaims: refusedClaims.map(({ hostId, hostName, claimed, own }) => ({
      hostId,
      hostName,
      claimedAccount: claimed.account,
      claimedInstanceId: claimed.instanceId,
      account: own.account,
      instanceId: own.instanceId,
    })),
    blindStartTime: timestampOf(blindStartMs),
  };
}

/** `seenMs` is when the cloud last told of it. */
export function toInstance(instance: CoveredInstance, seenMs: number): CoverageInstance {
  const { launchMs, state, reason, sinceMs, endMs, isVerified, exclusion } = instance;
  return {
    account: instance.account,
    region: instance.region,
    instanceId: instance.instanceId,
    name: instance.name,
    tags: { ...instance.tags },
    group: instance.group,
    platform: instance.platform,
    architecture: instance.architecture,
    imageId: instance.imageId,
    imageName: instance.imageName,
    launchTime: timestampOf(launchMs),
    state: STATE_NUMBERS[state],
    reason: REASON_NUMBERS[reason],
    remedy: remedyOf(reason),
    sinceTime: timestampOf(sinceMs),
    seenTime: timestampOf(seenMs),
    hostId: instance.hostId,
    hostName: instance.hostName,
    verified: isVerified,
    hosts: instance.hosts,
    exclusion: exclusion && { ...exclusion },
    endTime: timestampOf(endMs),
  };
}

export function toChange(change: CoverageChange): ChangeMessage {
  const { timeMs, previousState, state, reason, account, region, instanceId, name, group, hostId } = change;
  const of = { account, region, instanceId, name, group, hostId };
  return {
    ...of,
    time: timestampOf(timeMs),
    previousState: previousState === undefined ? StateNumber.UNSPECIFIED : STATE_NUMBERS[previousState],
    state: state === undefined ? StateNumber.UNSPECIFIED : STATE_NUMBERS[state],
    reason: REASON_NUMBERS[reason],
  };
}
