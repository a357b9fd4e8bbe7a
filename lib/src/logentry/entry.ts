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

/** What retention removed, of one epoch and day of a host. Events between the two numbers that are of other days are not meant. */
export interface DroppedEntry extends At {
  kind: "dropped";
  hostId: string;
  epoch: bigint;
  /** YYYY-MM-DD, UTC. */
  day: string;
  firstSeq: bigint;
  lastSeq: bigint;
  blocks: bigint;
  events: bigint;
  /** SHA-256 of the header of its last block, where that is known: the one that the next block names as the one before. */
  headerSha256?: string | undefined;
  /** By which it went, or who let it go. */
  policy: string;
}

/** Whose trail a hold is about: one host, or all with a label. */
export type HoldScope = { hostId: string } | { label: string };

/** A hold that was set, or ended: until then nothing of this may go. */
export interface HoldEntry extends At {
  kind: "hold" | "release";
  /** Name of the hold. */
  hold: string;
  scope: HoldScope;
  /** Of the events that are held; undefined for all before, or after. */
  fromMs?: number | undefined;
  untilMs?: number | undefined;
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
