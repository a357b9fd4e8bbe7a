/** What answering needs of others. */
import type { ColumnBlock } from "@hosttrail/lib/block";
import type { Alert } from "@hosttrail/proto/alert";
import type { HostFinder, Turns } from "../ask/index.ts";
import type { AlertWork } from "../model/index.ts";
import type { Budget, ScanSource } from "../scan/index.ts";

/** Which alerts; what is empty or 0 says nothing. */
interface AlertQuery {
  /** Begin of the window, milliseconds: from start (inclusive) to end (exclusive). */
  startMs: number;
  endMs: number;
  /** Only those after this one in the order of the list, newest first. */
  afterId: string;
  severityMin: number;
  ruleKey: string;
  ruleset: string;
  hostId: string;
  limit: number;
}

/** Alerts as the detector made them, and what people did with them. Each throws a RetryableError where the database is away. */
export interface AlertSource {
  /** Newest first, without events. */
  listAlerts(query: AlertQuery): Promise<Alert[]>;
  /** With events. */
  getAlerts(ids: readonly string[]): Promise<Map<string, { alert: Alert }>>;
  getWorks(alertIds: readonly string[]): Promise<AlertWork[]>;
}

export interface AnswerSource {
  scans: ScanSource;
  finder: HostFinder;
  turns: Turns;
  alerts: AlertSource;
  /** One event, and the block of events that it is in. Throws a MovedError where it is moved meanwhile: ask again. */
  find(hostId: string, epoch: bigint, seq: bigint): Promise<{ events: ColumnBlock; index: number } | undefined>;
  /** True for a host of which there is, or was, anything. */
  isKnown(hostId: string): Promise<boolean>;
  /** Labels that the host enrolled with; none where that is not known. */
  labelsOf(hostId: string): Promise<Readonly<Record<string, string>>>;
  /** The most that one question may take. */
  most: Budget;
}
