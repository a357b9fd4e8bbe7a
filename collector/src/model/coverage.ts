/** Machines of a cloud, and whether they are covered. Times are milliseconds since 1970. */

export const COVERAGE_STATES = [
  "covered",
  "late",
  "silent",
  "auditing-off",
  "losing",
  "starting",
  "never-enrolled",
  "unsupported",
  "excluded",
  "stopped",
  "died-unseen",
] as const;

export type CoverageState = (typeof COVERAGE_STATES)[number];

export const COVERAGE_REASONS = [
  "reporting",
  "report-overdue",
  "nothing-comes",
  "agent-stopped",
  "system-went-down",
  "never-reported",
  "revoked",
  "rules-refused",
  "lost-before-agent",
  "lost-in-agent",
  "trail-incomplete",
  "launched-lately",
  "no-agent",
  "claim-refused",
  "exclusion-over",
  "windows",
  "architecture",
  "system-too-old",
  "excluded",
  "not-running",
  "ended-unseen",
] as const;

export type CoverageReason = (typeof COVERAGE_REASONS)[number];

/** A machine as the cloud tells of it. Name, tags and image name are any text. */
export interface CloudInstance {
  account: string;
  region: string;
  instanceId: string;
  name: string;
  tags: Readonly<Record<string, string>>;
  /** As "Linux/UNIX". */
  platform: string;
  architecture: string;
  imageId: string;
  launchMs: number;
  power: "running" | "stopped" | "ended";
}

/** Somebody's decision that machines need no agent. */
export interface Exclusion {
  name: string;
  approver: string;
  reason: string;
  /** The last UTC day on which it holds, "YYYY-MM-DD". */
  lastDay: string;
}

/** A machine, and what was found of it. */
export interface CoveredInstance extends CloudInstance {
  group: string;
  /** Empty where it was not asked for, or is not there any more. */
  imageName: string;
  state: CoverageState;
  reason: CoverageReason;
  sinceMs: number;
  /** When the cloud first told of it, and when it was first seen to be gone; 0 for not yet. */
  firstSeenMs: number;
  endMs: number;
  /** A host that is this machine was heard of at some time. */
  wasHeard: boolean;
  /** Empty for none. */
  hostId: string;
  hostName: string;
  isVerified: boolean;
  hosts: number;
  exclusion: Exclusion | undefined;
}

/** A machine that came into a state; `state` is undefined where it is gone and was heard of before. */
export interface CoverageChange
  extends Pick<CoveredInstance, "account" | "region" | "instanceId" | "name" | "group" | "reason" | "hostId"> {
  timeMs: number;
  previousState: CoverageState | undefined;
  state: CoverageState | undefined;
}

/** What could not be looked at. Region and account are empty where it is of all of them. */
export interface CloudProblem {
  account: string;
  region: string;
  operation: string;
  code: string;
  message: string;
}

export interface CloudAccount {
  account: string;
  /** As the organisation calls it; empty where that is not known. */
  name: string;
}

export interface CloudCalls {
  operation: string;
  /** Tries included. */
  calls: number;
  throttled: number;
}

/** A host that says that it is a machine which it is not by its identity. */
export interface RefusedClaim {
  hostId: string;
  hostName: string;
  claimed: { account: string; instanceId: string };
  own: { account: string; instanceId: string };
}

/** One look at a cloud. */
export interface CoveragePoll {
  startMs: number;
  endMs: number;
  accounts: (CloudAccount & {
    /** Of the last look that saw all of it; 0 where none did. */
    seenMs: number;
    instances: number;
  })[];
  problems: CloudProblem[];
  /** Where machines are as they were last seen, and when that was. */
  stale: { account: string; region: string; seenMs: number }[];
  calls: CloudCalls[];
  /** Machines and hosts beyond those that are looked at. */
  leftOutInstances: number;
  leftOutHosts: number;
  counts: Readonly<Partial<Record<CoverageState, number>>>;
  refusedClaims: RefusedClaim[];
  /** When the look before ended, where that was too long ago to have seen all that lived and died since; else 0. */
  blindStartMs: number;
}
