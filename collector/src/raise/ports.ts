/** What raising alerts needs of others. */
import type { RuleMatch } from "@hosttrail/lib/correlate";
import type { Logger } from "@hosttrail/lib/log";
import type { DetectionRule } from "@hosttrail/lib/sigma";
import type { Alert, AlertChange } from "@hosttrail/proto/alert";
import type { LookedRange } from "@hosttrail/proto/detection";
import type { Event } from "@hosttrail/proto/event";
import type { AlertWork, DetectionGap, HiddenCount, WorkAction } from "../model/index.ts";
import type { RuleBook } from "../rulebook/index.ts";
import type { Suppressions } from "../suppress/index.ts";
import type { StoredTrail } from "./looked.ts";
import type { Recovered } from "./passed.ts";

export interface SequencedMessage {
  sequence: bigint;
  bytes: Uint8Array;
}

/** The lease while this process has it. */
export interface HeldLease {
  /** Grows from holder to holder. */
  term: string;
  isHeld(): boolean;
  signal: AbortSignal;
}

export interface RaiseFeed {
  hold(signal: AbortSignal, work: (lease: HeldLease) => Promise<void>, logger: Logger): Promise<void>;
  followMatches(
    options: { from: bigint; signal: AbortSignal },
    take: (messages: SequencedMessage[]) => Promise<void>,
    logger: Logger,
  ): Promise<void>;
  forgetMatches(upTo: bigint): Promise<void>;
  matchesRange(): Promise<{ first: bigint; last: bigint }>;
  /** The newest block of each stream of blocks. */
  newestBlocks(): Promise<ReadonlyMap<string, number>>;
  /** True when all blocks up to these are stored. */
  areStored(newest: ReadonlyMap<string, number>): Promise<boolean>;
  /** True when rules were held against all blocks up to these. */
  areMatched(newest: ReadonlyMap<string, number>): Promise<boolean>;
  publishMatches(hostId: string, bytes: Uint8Array, id: string): Promise<void>;
  publishLooked(bytes: Uint8Array): Promise<void>;
  messageBytesMax(): number;
  publishAlert(change: AlertChange): Promise<void>;
}

export interface AlertRecord {
  alert: Alert;
  /** Last message that is in it. */
  sequence: bigint;
  /** True once others were told that it is there. */
  isTold: boolean;
}

export interface RaiseArchive {
  saveState(state: { sequence: bigint; bytes: Uint8Array }, term: string): Promise<void>;
  loadState(): Promise<{ sequence: bigint; bytes: Uint8Array } | undefined>;
  putAlerts(records: readonly AlertRecord[]): Promise<void>;
  getAlerts(ids: readonly string[]): Promise<Map<string, AlertRecord>>;
  getWorks(alertIds: readonly string[]): Promise<AlertWork[]>;
  changeWork(alertId: string, decide: (work: AlertWork) => WorkAction | undefined): Promise<AlertWork>;
  putHidden(suppressionId: string, count: HiddenCount): Promise<void>;
  /** What is stored of hosts, in the order of their ids, after one of them. */
  listTrails(afterId: string, limit: number): Promise<StoredTrail[]>;
  /** Times in which blocks passed detection by. */
  listGaps(): Promise<DetectionGap[]>;
  /** Notes events that no rule was held against, and that cannot be read any more. */
  noteLost(range: LookedRange, nowMs: number): Promise<void>;
}

export interface RaiseRules {
  book(): RuleBook;
  suppressions(): Suppressions;
  /** Reads the rules again, if they changed. */
  refresh(): Promise<void>;
}

export interface PastQuery {
  rules: readonly DetectionRule[];
  /** Undefined for all. */
  hosts: ReadonlySet<string> | undefined;
  fromNano: bigint;
  toNano: bigint;
}

/** What is stored, for events that come late and for alerts that name events. */
export interface RaiseHistory {
  /** All matches of rules in a time, both ends included; as detection would have had them then. */
  matchesIn(query: PastQuery, signal: AbortSignal): Promise<RuleMatch[]>;
  event(eventId: string): Promise<Event | undefined>;
  /** Holds the rules against events as they are stored. */
  recover(range: LookedRange, signal: AbortSignal): AsyncIterable<Recovered>;
}

export interface RaiseOptions {
  /** Matches of a rule on a host within so long are one alert. */
  windowMs: number;
  /** Time between states that are saved, at least. */
  checkpointMs: number;
  /** An event that was on its way for longer is late. */
  lateAfterMs: number;
  /** Time between two looks for what no event tells. */
  findingsMs: number;
}
