/** What the API of alerts needs of others. */
import type { Alert, AlertChange } from "@hosttrail/proto/alert";
import type { Labels } from "../access/index.ts";
import type { AlertWork, HiddenCount, SuppressionDocument, WorkAction } from "../model/index.ts";

/** Which of all alerts; what is empty or 0 says nothing. */
export interface AlertQuery {
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

/** Alerts as the detector made them. */
interface Alerts {
  /** Newest first, without events. */
  listAlerts(query: AlertQuery): Promise<Alert[]>;
  /** With events. */
  getAlerts(ids: readonly string[]): Promise<Map<string, { alert: Alert }>>;
}

/** What people did with them. */
interface Work {
  getWork(alertId: string): Promise<AlertWork>;
  getWorks(alertIds: readonly string[]): Promise<AlertWork[]>;
  changeWork(alertId: string, decide: (work: AlertWork) => WorkAction | undefined): Promise<AlertWork>;
}

interface SuppressionStore {
  insertSuppression(suppression: SuppressionDocument): Promise<void>;
  getSuppression(id: string): Promise<SuppressionDocument | undefined>;
  listSuppressions(beforeId: string, limit: number, expireAfterMs: number): Promise<SuppressionDocument[]>;
  activeSuppressions(nowMs: number): Promise<SuppressionDocument[]>;
  endSuppression(id: string, nowMs: number, ender: string): Promise<void>;
  hiddenBy(ids: readonly string[]): Promise<Map<string, HiddenCount>>;
}

export interface AlertStores {
  alerts: Alerts;
  work: Work;
  suppressions: SuppressionStore;
  /** Labels of a host by its enrolment; none where it is not known. */
  labelsOf(hostId: string): Promise<Labels>;
  /** What is wrong with the key of a rule; undefined where there is such a rule. */
  ruleKeyProblem(key: string): Promise<string | undefined>;
}

/** How others learn of changes. */
export interface AlertNews {
  publishAlert(change: AlertChange): Promise<void>;
  tapAlerts(take: (bytes: Uint8Array) => void): { close: () => void };
  /** Suppressions changed. */
  tellRules(): void;
}
