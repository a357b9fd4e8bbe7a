/** What a target is told. */
import type { Alert, AlertChange } from "@hosttrail/proto/alert";
import type { Timestamp } from "@hosttrail/proto/timestamp";

export type SeverityName = "informational" | "low" | "medium" | "high" | "critical";
export type ChangeName = "opened" | "updated" | "acknowledged" | "closed" | "reopened" | "noted";

/** By the numbers of the proto; what a newer one has beyond is told as the highest here. */
export const SEVERITIES: readonly SeverityName[] = ["informational", "low", "medium", "high", "critical"];
const CHANGES: readonly ChangeName[] = ["opened", "updated", "acknowledged", "closed", "reopened", "noted"];

/** Alerts that were told as a number only. */
export interface HeldBack {
  count: number;
  sinceMs: number;
  bySeverity: Partial<Record<SeverityName, number>>;
}

export interface Notice {
  /** Of what is told: the same at each try, and for each route. Letters, digits and dashes. */
  id: string;
  kind: ChangeName | "held_back" | "test";
  timeMs: number;
  /** Of a change. */
  alert?: Alert;
  actor: string;
  /** Events of the alert that did not fit into the message that told of it. */
  eventsLeftOut: number;
  heldBack?: HeldBack;
  /** Where people see the alert; empty where nothing is set up. */
  link: string;
}

export function severityName(severity: number | undefined): SeverityName {
  return SEVERITIES[Math.min(Math.max(severity ?? 1, 1), SEVERITIES.length) - 1] ?? "informational";
}

/** Undefined for a kind that we do not know. */
export function changeName({ kind }: Pick<AlertChange, "kind">): ChangeName | undefined {
  return CHANGES[kind - 1];
}

/** The most severe that the notice tells of. */
export function severityOf({ alert, heldBack }: Pick<Notice, "alert" | "heldBack">): SeverityName {
  if (alert !== undefined) return severityName(alert.rule?.severity);
  return SEVERITIES.findLast((name) => (heldBack?.bySeverity[name] ?? 0) > 0) ?? "informational";
}

export function millisOf(time: Timestamp | undefined): number {
  return time === undefined ? 0 : Number(time.seconds) * 1000 + Math.floor(time.nanos / 1e6);
}

/** ISO 8601 in UTC; empty for no time, and for one that is none. */
export function isoOf(time: Timestamp | number | undefined): string {
  if (time === undefined) return "";
  const date = new Date(typeof time === "number" ? time : millisOf(time));
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}

const STATES = ["open", "acknowledged", "closed"] as const;
const REASONS = ["true positive", "false positive", "benign", "duplicate", "other", "withdrawn"] as const;

export function stateName({ state }: Pick<Alert, "state">): string {
  return STATES[state - 1] ?? "unknown";
}

/** Empty where none was given. */
export function reasonName(reason: number): string {
  return REASONS[reason - 1] ?? "";
}
