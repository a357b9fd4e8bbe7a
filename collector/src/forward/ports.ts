/** What forwarding needs: of the past, of the database, and of where things go. */
import type { Alert } from "@hosttrail/proto/alert";
import type { Event } from "@hosttrail/proto/event";
import type { Filter } from "@hosttrail/lib/predicate";
import type { History } from "../history/index.ts";
import type { ExportPlan, ExportState, Place } from "../model/index.ts";

/** Stored events. Each throws a RetryableError where the database is away. */
export interface ForwardHistory extends Pick<History, "begin" | "open" | "mayMatch"> {
  /** A text that is another one as soon as what history there is in the place has changed. */
  fingerprint(place: Place): Promise<string>;
}

/** Where all targets stand. Each throws a RetryableError where the database is away. */
export interface ForwardStore {
  getState(target: string): Promise<ExportState | undefined>;
  putState(target: string, state: ExportState): Promise<void>;
  getPlan(target: string): Promise<ExportPlan | undefined>;
  putPlan(target: string, plan: ExportPlan): Promise<void>;
  removePlan(target: string): Promise<void>;
  /** What was written down of a place, by part of it. */
  getDone(target: string, place: string): Promise<Map<string, string>>;
  /** Puts what `change` makes of a part in its place, also where others change it meanwhile. */
  changeDone(target: string, place: string, part: string, change: (text: string) => string): Promise<void>;
  /** Places of which something is written down. */
  listDone(target: string): Promise<string[]>;
  removeDone(target: string, place: string): Promise<void>;
}

/** Alerts as callers see them, with what people did. Each throws a RetryableError where the database is away. */
export interface ForwardAlerts {
  /** Of windows that began from `startMs` on, newest first, after one of them (empty: from the newest on). Without events. */
  listAlerts(startMs: number, afterId: string, limit: number): Promise<Alert[]>;
  /** With the events that they have in full. */
  getAlerts(ids: readonly string[]): Promise<Map<string, Alert>>;
}

/** What is sent together. The same name stands for the same content, whenever it is sent: what is there already under it is replaced. */
export interface BatchName {
  /** Letters, digits and dashes. */
  id: string;
  /** "YYYY-MM-DD", or "outside". */
  day: string;
  /** When it was first about to be sent, milliseconds since 1970. */
  timeMs: number;
}

/** Takes rows of one batch. Throws a ForwardError where the target does not take them. */
export interface Batch<Row> {
  write(rows: readonly Row[]): Promise<void>;
  /** Resolves when the target has all of it for good. */
  end(): Promise<void>;
  /** Gives up what was begun. Never throws. */
  drop(): Promise<void>;
}

/** Where events and alerts go. */
export interface Target {
  openEvents(name: BatchName, signal: AbortSignal): Batch<Event>;
  openAlerts(name: BatchName, signal: AbortSignal): Batch<Alert>;
  /** Removes what a process that died has left half done. Before the first batch. */
  tidy?(): Promise<void>;
  close?(): void;
}

/** What is forwarded to a target, and how. */
export interface Outlet {
  name: string;
  what: "events" | "alerts" | "both";
  filter: Filter;
  /** "now": only what comes from the first start on. "stored": all that is kept. */
  begin: "now" | "stored";
  /** Events wait so long for others, unless there are `eventsMax` of them. */
  everyMs: number;
  /** Of one batch. */
  eventsMax: number;
}
