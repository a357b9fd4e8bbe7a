/** The kinds of entries. Times are milliseconds since 1970, numbers of events up to 2^64 - 1. */

interface At {
  timeMs: number;
}

/** How far a chain went: the newest block of a host's epoch. Without one a cut tail looks like a host that fell silent. */
export interface HeadEntry extends At {
  kind: "head";
  hostId: string;
  epoch: bigint;
  /** Number of its last event. */
  lastSeq: bigint;
  /** SHA-256 of its header, 64 hex digits. */
  headerSha256: string;
  /** Events below the last one that had not come by then. */
  missing: bigint;
}

/** Consecutive events, the last one included. */
export interface LoggedRange {
  first: bigint;
  last: bigint;
}

/** What retention removed, of one epoch and day of a host. Several entries where there is no room for all in one. */
export interface DroppedEntry extends At {
  kind: "dropped";
  hostId: string;
  epoch: bigint;
  /** YYYYMMDD, UTC; "outside" for blocks of no day. */
  day: string;
  /** 1 to 64, ascending and apart from each other. */
  ranges: readonly LoggedRange[];
  /** Of the whole drop, in each of its entries. */
  blocks: bigint;
  events: bigint;
  /** By which it went. */
  policy: string;
  /** Whose policy that was. */
  actor: string;
}

/** A hold that was set, or ended: until then nothing of this may go. Several entries where there is no room for all hosts in one. */
export interface HoldEntry extends At {
  kind: "hold" | "release";
  /** Name of the hold. */
  hold: string;
  /** Up to 1,000, in order. */
  hostIds: readonly string[];
  /** `key=value`, up to 64, in order: hosts that have all of them. */
  labels: readonly string[];
  /** The first and the last one, YYYYMMDD. */
  firstDay: string;
  lastDay: string;
  actor: string;
  reason: string;
}

export type LogEntry = HeadEntry | DroppedEntry | HoldEntry;
export type EntryKind = LogEntry["kind"];

/** An entry and where it stands in the log. */
export interface Logged<Entry extends LogEntry = LogEntry> {
  index: number;
  entry: Entry;
}

/** Bytes that are no entry, or an entry that cannot be written. Always permanent. */
export class LogEntryError extends Error {
  override readonly name = "LogEntryError";
  readonly code = "LOG_ENTRY_MALFORMED";
  /** Line, from 1; 0 for the whole. */
  readonly line: number;

  constructor(line: number, detail: string) {
    super(`log entry${line === 0 ? "" : `, line ${String(line)}`}: ${detail}`);
    this.line = line;
  }
}

/** Every head of a host that is known stands in the log again after this time, changed or not: who looks for one looks back so far. */
export const HEAD_RESTATED_MS = 3_600_000;
