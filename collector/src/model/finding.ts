/** What the collector finds wrong by itself: no event tells of it, so no rule can. */
import type { Level } from "@hosttrail/lib/sigma";

export interface FindingAbout {
  title: string;
  description: string;
  level: Level;
  /** It happened and is not over ever: people close its alert. The others are withdrawn when they are over. */
  isMoment: boolean;
}

/** The ruleset that they count to: that of what agents tell of themselves. */
export const FINDINGS_RULESET = "findings";

export const FINDING_KINDS = [
  "host-silent",
  "clock-off",
  "trail-forked",
  "trail-broken",
  "trail-missing",
  "trail-outside",
  "ledger-unbalanced",
  "blocks-dead",
  "disk-filling",
  "disk-full",
  "detection-gap",
  "machines-uncovered",
  "cloud-unread",
] as const;

export type FindingKind = (typeof FINDING_KINDS)[number];

export const FINDINGS: Readonly<Record<FindingKind, FindingAbout>> = {
  "host-silent": {
    title: "Host silent",
    description:
      "The agent of this host has no stream to any collector and sent nothing for longer than detect.silent_minutes, and it did not say that its system goes down. The host is gone, cut off, or its agent is.",
    level: "high",
    isMoment: false,
  },
  "clock-off": {
    title: "Clock of a host is off",
    description:
      "When the agent said hello, the clock of its host was off by more than ingest.clock_offset_warn_ms. Its events have wrong times: correlations with other hosts miss them, and searches by time find them elsewhere.",
    level: "low",
    isMoment: false,
  },
  "trail-forked": {
    title: "Trail of a host forked",
    description:
      "Two different blocks of this host have the same numbers. A machine that was set back to a snapshot does that, and so does whoever rewrites a trail. Both blocks are kept.",
    level: "high",
    isMoment: true,
  },
  "trail-broken": {
    title: "Trail of a host broken",
    description:
      "A block of this host names another one before it than the one that is stored there: one of the two is not what the agent had made.",
    level: "critical",
    isMoment: true,
  },
  "trail-missing": {
    title: "Events of a host missing",
    description:
      "Blocks of this host came that have later numbers, and those between never did. The agent gave them up for want of room, or somebody removed them from its spool.",
    level: "high",
    isMoment: false,
  },
  "trail-outside": {
    title: "Events of a host of an impossible time",
    description:
      "A block of this host has times too far in the past or in the future to be kept by its day. It is kept apart.",
    level: "medium",
    isMoment: true,
  },
  "ledger-unbalanced": {
    title: "Ledger of a host does not balance",
    description:
      "Events that the agent of this host handed out are not in the database, and neither the agent nor the collector has said why. Somebody removed them, or they never came. hosttrail ledger shows the first minute of it.",
    level: "high",
    isMoment: true,
  },
  "blocks-dead": {
    title: "Blocks of a host not stored",
    description:
      "The collector could not store blocks of this host. They are in the dead letters and in the quarantine of its agent, with the reason.",
    level: "high",
    isMoment: true,
  },
  "disk-filling": {
    title: "Disk of the trail will be full",
    description:
      "As the disk of the database filled over the last days, it will be full within two weeks. Then blocks wait in JetStream, and after that on the hosts.",
    level: "medium",
    isMoment: false,
  },
  "detection-gap": {
    title: "Events passed detection by",
    description:
      "No process had the role detect for longer than detect.away_minutes, so blocks no longer waited for it. They are stored, and no rule was held against them; hosttrail rules test does it afterwards.",
    level: "high",
    isMoment: true,
  },
  "machines-uncovered": {
    title: "Machines without an agent",
    description:
      "Machines of the cloud run without an agent, and nobody has excluded them. hosttrail coverage instances --state never-enrolled shows which, and what to do.",
    level: "medium",
    isMoment: false,
  },
  "cloud-unread": {
    title: "A part of the cloud cannot be looked at",
    description:
      "Accounts or regions of the cloud refuse what coverage asks, so which machines are there is not known. hosttrail coverage aws names them, and what to do.",
    level: "medium",
    isMoment: false,
  },
  "disk-full": {
    title: "Disk of the trail is nearly full",
    description: "The disk of the database has less than a twentieth of its room left.",
    level: "critical",
    isMoment: false,
  },
};

/** A time in which no process detected for so long that blocks no longer waited for it. Milliseconds since 1970. */
export interface DetectionGap {
  fromMs: number;
  toMs: number;
  /** Where it is events of one host that the broker lost and that could not be read where they are stored; from the first to the one before `next`. */
  lost?: { hostId: string; epoch: bigint; first: bigint; next: bigint };
}

/** Events of a host that are missing, and nobody said why. */
export interface LedgerImbalance {
  hostId: string;
  name: string;
  /** Begin of the first ledger of which some are missing, milliseconds since 1970. */
  sinceMs: number;
  events: number;
  /** What is known of why. */
  detail: string;
}
