/** What goes into the engine, and what comes out. */
import type { CorrelationRule, DetectionRule } from "../sigma/index.ts";

/** What has fields: an event, as the rule sees it that matched it, or a match of a correlation. */
export interface Texts {
  /** All values of the field; empty where there is none. */
  texts(field: string): readonly string[];
}

/** A rule that matched an event. Read while it is taken in, and not kept. */
export interface RuleMatch extends Texts {
  /** One of the rules that the engine was given, and not a copy. */
  rule: DetectionRule;
  /** With `timeNano` what the event is known by: the same event twice, by whatever rule, is one event. */
  eventId: string;
  /** When it happened, in nanoseconds since 1970. */
  timeNano: bigint;
  /** When it came to us, in nanoseconds since 1970. */
  receivedNano: bigint;
  hostId: string;
}

export interface GroupValue {
  /** As the rule's group-by names it: a field or an alias. */
  field: string;
  value: string;
}

/**
 * Satisfying windows that overlap or touch, as one. Told anew, with the same id, when anything of it changes: so what is told last of
 * an id is what holds.
 */
export interface CorrelationMatch {
  kind: "match";
  rule: CorrelationRule;
  /** Depends on the rule, the group and the time at which the condition held first, and on nothing else. */
  id: string;
  /** In the order of the rule's group-by; empty where it has none. */
  group: readonly GroupValue[];
  /** Time of its first event: of the earliest in the first satisfying window. */
  firstNano: bigint;
  /** Time at which the condition held first: the end of the first satisfying window. */
  completedNano: bigint;
  /** Time of its last event: the end of the last satisfying window. */
  lastNano: bigint;
  /** Events in all of its windows together; of a chain also matches of other correlations. */
  count: number;
  /**
   * What the condition was held against, in the window where it is highest; where all bounds are from above (lt, lte), lowest. Of
   * temporal ones how many of the rules matched.
   */
  value: number;
  /** The oldest and the newest of its events, in the order of their times. */
  eventIds: string[];
  /** The oldest and the newest of the matches of other correlations in it, in the order of their times. */
  innerIds: string[];
  /** How many of `count` are in neither of the two. */
  leftOut: number;
  /** Hosts of the events in `eventIds`, sorted. */
  hostIds: string[];
  /**
   * How much later than its event time the event came that completed the first satisfying window: the one with whose arrival the
   * condition held, and went on to hold with all that came later into the same window. 0 where that is within `lateAfterMs`.
   */
  lateNano: bigint;
  /** True where a bound of size was met in its time: events are missing in `count` or `value`, or may be. */
  isTruncated: boolean;
}

/** A match that there is no more, since an event that came later changed which windows satisfy. */
export interface CorrelationWithdrawal {
  kind: "withdrawn";
  rule: CorrelationRule;
  id: string;
  /** As it was told of the match. */
  completedNano: bigint;
  /** The match that has its place now; told before the withdrawal, or at any time earlier. */
  replacedBy: { id: string; completedNano: bigint } | undefined;
}

/**
 * An event came so late that others would be needed of which the engine has none any more. It is not looked at until all matches of the
 * rule's rules with times from `fromNano` to `toNano`, both included, are given to `reopen`; until then matches of that time may be
 * missing, or may be wrong. Plain data but for the rule, and good for as long as one likes.
 */
export interface HistoryNeeded {
  kind: "history";
  rule: CorrelationRule;
  group: readonly GroupValue[];
  fromNano: bigint;
  toNano: bigint;
  /** The earliest and the latest of the times at which there is something new. */
  changedFromNano: bigint;
  changedToNano: bigint;
}

export type CorrelationChange = CorrelationMatch | CorrelationWithdrawal | HistoryNeeded;

export interface CorrelateLimits {
  /** Groups of all rules together. Beyond it groups that were not used for long are forgotten. */
  groupsMax: number;
  /** Events kept in all groups of all rules; one that is in several groups counts in each. Beyond it the oldest are dropped. */
  eventsMax: number;
  /** Events kept in one group. Beyond it the oldest are dropped: no window can have more. */
  eventsPerGroupMax: number;
  /** Values (of value_count and the like) kept in one group, each as often as an event has it. Beyond it the oldest events are dropped. */
  valuesPerGroupMax: number;
  /** Values that one event can have in one rule. Beyond it the last in their order are left out. */
  valuesPerEventMax: number;
  /** Groups of one rule in which one match can be. Beyond it the last in their order are left out. */
  groupsPerMatchMax: number;
  /** Matches remembered in one group. Beyond it the oldest are forgotten, and can no longer be withdrawn. */
  matchesPerGroupMax: number;
  /** Ids in a match: half of them the oldest, half the newest. */
  idsPerMatchMax: number;
  /** Characters of a value that are kept; a longer one is cut and told apart by its hash. */
  textLengthMax: number;
  /** What is on its way for longer is late. */
  lateAfterMs: number;
}

export const DEFAULT_LIMITS: CorrelateLimits = {
  groupsMax: 100_000,
  eventsMax: 2_000_000,
  eventsPerGroupMax: 20_000,
  valuesPerGroupMax: 100_000,
  valuesPerEventMax: 100,
  groupsPerMatchMax: 16,
  matchesPerGroupMax: 1000,
  idsPerMatchMax: 50,
  textLengthMax: 1024,
  lateAfterMs: 60_000,
};

/** What happened where a bound was met, or where an event could not serve. None of it happens without being counted here. */
export interface CorrelateCounters {
  /** Groups forgotten, or not begun, because of `groupsMax`. */
  groupsDropped: number;
  /** Events dropped from groups because of `eventsMax`, `eventsPerGroupMax` and `valuesPerGroupMax`. */
  eventsDropped: number;
  /** Values of events left out because of `valuesPerEventMax`. */
  valuesLeftOut: number;
  /** Groups of matches left out because of `groupsPerMatchMax`. */
  groupsLeftOut: number;
  /** Matches forgotten because of `matchesPerGroupMax`. */
  matchesForgotten: number;
  /** Values cut because of `textLengthMax`. */
  textsCut: number;
  /** Matches that lack a group-by field, and are in no group of that rule. */
  matchesWithoutGroup: number;
  /** Matches that lack the field that a rule is about, or have no number in it. */
  matchesWithoutValue: number;
  /** Values that are no number where a rule is about numbers. */
  valuesNotNumeric: number;
  /** Matches with times beyond what 64 bits of nanoseconds can say; left out, or taken for come at once where it is the arrival. */
  timesOutOfRange: number;
  /** Matches older than what `expire` said to forget; they are left out. */
  matchesTooLate: number;
  /** Requests for history that were made. */
  historyNeeded: number;
  /** Events that were known already. */
  duplicates: number;
  /** Events that came later than others of their group that are newer. */
  outOfOrder: number;
}

export function newCounters(): CorrelateCounters {
  return {
    groupsDropped: 0,
    eventsDropped: 0,
    valuesLeftOut: 0,
    groupsLeftOut: 0,
    matchesForgotten: 0,
    textsCut: 0,
    matchesWithoutGroup: 0,
    matchesWithoutValue: 0,
    valuesNotNumeric: 0,
    timesOutOfRange: 0,
    matchesTooLate: 0,
    historyNeeded: 0,
    duplicates: 0,
    outOfOrder: 0,
  };
}

export interface CorrelateOptions {
  /** A digest of a text, as text: of it ids are made, so it must be the same in all processes that share matches. */
  hash: (text: string) => string;
  limits?: Partial<CorrelateLimits>;
}
