/** What is kept for how long, what is held, and what was dropped. Times are milliseconds since 1970 where nothing else is said. */
import type { Place, SequenceRange } from "./place.ts";

/** What policies are about, each with days of its own. */
export const RETENTION_KINDS = ["events", "alerts", "api-audit", "detection-gaps"] as const;
export type RetentionKind = (typeof RETENTION_KINDS)[number];

/** How long something is kept. The policy that has its kind as its name is for all to which no other one applies. */
export interface RetentionPolicy {
  name: string;
  kind: RetentionKind;
  /** Of events and alerts: hosts that have all of these; none for all hosts. */
  labels: Readonly<Record<string, string>>;
  /** Of alerts: as severe, or worse; 0 for all. */
  severityMin: number;
  keepDays: number;
  /** Who set it; empty where nobody did. */
  author: string;
  updateMs: number;
}

/** Days of hosts that are kept however old they are. It is never removed, only released. */
export interface LegalHold {
  id: string;
  /** Hosts by id, and those that have all of these labels now. */
  hostIds: readonly string[];
  labels: Readonly<Record<string, string>>;
  /** Whole days: the first and the last one, "YYYYMMDD". */
  firstDay: Place;
  lastDay: Place;
  reason: string;
  creator: string;
  createMs: number;
  /** 0 while it holds. */
  releaseMs: number;
  releaser: string;
  releaseReason: string;
}

/** A host's day that will be dropped once the time for second thoughts is over. */
export interface DropMark {
  hostId: string;
  place: Place;
  policy: string;
  keepDays: number;
  timeMs: number;
}

/** A place in which nothing is compacted, since something of it is being dropped. */
export interface DropFence {
  place: Place;
  timeMs: number;
}

/** What was dropped of an epoch of a host's day; written before it goes. */
export interface Drop {
  /** `<host id>-<place>-<epoch, 16 hex>-<begin of the work, hex ms>`. */
  id: string;
  hostId: string;
  place: Place;
  epoch: bigint;
  /** Ascending and apart from each other. Where there were more than are kept, those that are closest are told as one. */
  ranges: readonly SequenceRange[];
  firstTimeNano: bigint;
  lastTimeNano: bigint;
  blocks: number;
  events: number;
  /** Of stored payloads. */
  bytes: number;
  policy: string;
  keepDays: number;
  /** Who dropped it: the policy's author, or "default". */
  actor: string;
  timeMs: number;
  /** "noted": about to go, or going. "withdrawn": kept after all, since it was held or its policy was changed. */
  state: "noted" | "done" | "withdrawn";
}

/** Up to which number an epoch of a host lay outside of all days at a time. */
export interface OutsideSeen {
  epoch: bigint;
  /** The number after the last one. */
  next: bigint;
  timeMs: number;
}

/**
 * What is dropped of a place in one go: the hosts, with the events of each, the ids of their drops, and of their payloads where it is not
 * all that they have there.
 */
export interface DropBatch {
  place: Place;
  /** Begin of the work. */
  timeMs: number;
  state: "noted" | "removing" | "done";
  hosts: readonly { hostId: string; events: number; dropIds: readonly string[]; payloadIds?: readonly string[] }[];
}

/** Hosts whose events of a day are gone, as far as a question is about them. */
export interface DroppedDay {
  place: Place;
  hosts: number;
  events: number;
}

/** Things other than events that were dropped in one go. */
export interface OtherDrop {
  kind: Exclude<RetentionKind, "events">;
  timeMs: number;
  count: number;
}
