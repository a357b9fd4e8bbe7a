/** What the step needs. Each throws a RetryableError where what it asks is away. */
import type { Logger } from "@hosttrail/lib/log";
import type { Drop, HostChains, LegalHold, LogAnchor, LogCommit, LoggedNote, PublishedLog } from "../model/index.ts";

/** What is put into the log. */
export interface HeadSource {
  /** Hosts in the order of their ids, after one of them. */
  listChains(afterId: string, limit: number): Promise<HostChains[]>;
  listUnloggedDrops(limit: number): Promise<Drop[]>;
  markLogged(dropIds: readonly string[]): Promise<void>;
  listHolds(): Promise<LegalHold[]>;
}

/** Where the log is kept. */
export interface LogArchive {
  newestCommit(logId: string): Promise<LogCommit | undefined>;
  getCommit(logId: string, commitNumber: number): Promise<LogCommit | undefined>;
  tryCommit(logId: string, commit: LogCommit): Promise<boolean>;
  putBatch(batchId: string, bytes: Uint8Array): Promise<number>;
  getBatch(commit: Pick<LogCommit, "batchId" | "batchPieces">): Promise<Uint8Array | undefined>;
  removeBatch(commit: Pick<LogCommit, "batchId" | "batchPieces">): Promise<void>;
  putFiles(logId: string, files: readonly { path: string; bytes: Uint8Array }[]): Promise<void>;
  getFile(logId: string, path: string): Promise<Uint8Array | undefined>;
  removeFiles(logId: string, paths: readonly string[]): Promise<void>;
  getPublished(logId: string, commitNumber: number): Promise<PublishedLog | undefined>;
  putPublished(logId: string, published: PublishedLog): Promise<void>;
  putNotes(logId: string, notes: readonly LoggedNote[]): Promise<void>;
  getNotes(logId: string, ids: readonly string[]): Promise<Map<string, LoggedNote>>;
}

/** The newest checkpoint that was signed, at another place. */
export interface AnchorStore {
  read(logId: string): Promise<LogAnchor | undefined>;
  /** False where another process was first. */
  replace(logId: string, anchor: LogAnchor): Promise<boolean>;
}

/** While this process is the one that keeps the log. */
export interface Term {
  term: string;
  isHeld(): boolean;
  signal: AbortSignal;
}

/** Calls back whenever this process is the one. */
export type HoldTerm = (signal: AbortSignal, work: (term: Term) => Promise<void>, logger: Logger) => Promise<void>;
