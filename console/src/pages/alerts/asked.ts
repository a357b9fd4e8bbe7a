/** What a link of the page asks for. */
import type { Alert, ListAlertsRequest } from "../../api/index.ts";
import { severityNamed } from "../../text/index.ts";
import { askedRange } from "../../time/index.ts";

export const STATES = ["active", "open", "acknowledged", "closed", "all"] as const;
export type StateChoice = (typeof STATES)[number];

const STATES_OF: Readonly<Record<StateChoice, ListAlertsRequest["states"]>> = {
  active: ["ALERT_STATE_OPEN", "ALERT_STATE_ACKNOWLEDGED"],
  open: ["ALERT_STATE_OPEN"],
  acknowledged: ["ALERT_STATE_ACKNOWLEDGED"],
  closed: ["ALERT_STATE_CLOSED"],
  all: [],
};

export function stateOf(query: URLSearchParams): StateChoice {
  return STATES.find((state) => state === query.get("state")) ?? "active";
}

const PAGE_SIZE = 100;

/** Without its page token. */
export function requestOf(query: URLSearchParams, nowMs: number): ListAlertsRequest {
  const severityMin = severityNamed(query.get("severity") ?? "");
  return {
    states: STATES_OF[stateOf(query)],
    ...(severityMin !== undefined && { severityMin }),
    ruleKey: query.get("rule") ?? "",
    hostId: query.get("host") ?? "",
    assignee: query.get("assignee") ?? "",
    ...askedRange({ from: query.get("from") ?? "", to: query.get("to") ?? "" }, nowMs),
    pageSize: PAGE_SIZE,
  };
}

/** Whether an alert that changed belongs to the list: of what a change tells, its state decides. */
export function hasState({ states = [] }: ListAlertsRequest, { state }: Alert): boolean {
  return states.length === 0 || states.includes(state ?? "ALERT_STATE_OPEN");
}

/** Alerts of one rule, the newest first. */
export interface Fold {
  key: string;
  alerts: Alert[];
}

/** In the order of their newest alerts; each alert alone where nothing is folded. */
export function foldsOf(alerts: readonly Alert[], isFolding: boolean): Fold[] {
  if (!isFolding) return alerts.map((alert) => ({ key: alert.id ?? "", alerts: [alert] }));
  const byRule = Map.groupBy(alerts, ({ rule, id }) => rule?.key ?? id ?? "");
  return Array.from(byRule, ([key, those]) => ({ key, alerts: those }));
}

/** The list with an alert as it is now: in its place, taken away where it no longer belongs, first where it is new. */
export function withChange(alerts: readonly Alert[], changed: Alert, belongs: boolean): Alert[] {
  const at = alerts.findIndex(({ id }) => id === changed.id);
  if (at < 0) return belongs ? [changed, ...alerts] : [...alerts];
  return belongs ? alerts.with(at, changed) : alerts.toSpliced(at, 1);
}
