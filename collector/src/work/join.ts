/** An alert with what was done with it. */
import { type Alert, type AlertAction, AlertState, CloseReason as ReasonNumber } from "@hosttrail/proto/alert";
import type { AlertWork, CloseReason, WorkAction, WorkState } from "../model/index.ts";

const STATES: Readonly<Record<WorkState, AlertState>> = {
  open: AlertState.OPEN,
  acknowledged: AlertState.ACKNOWLEDGED,
  closed: AlertState.CLOSED,
};

const REASONS: Readonly<Record<CloseReason, ReasonNumber>> = {
  "true-positive": ReasonNumber.TRUE_POSITIVE,
  "false-positive": ReasonNumber.FALSE_POSITIVE,
  benign: ReasonNumber.BENIGN,
  duplicate: ReasonNumber.DUPLICATE,
  other: ReasonNumber.OTHER,
  withdrawn: ReasonNumber.WITHDRAWN,
};

/** The reason of a number; undefined where it stands for none. */
export function closeReasonOf(number: ReasonNumber): CloseReason | undefined {
  const entry = Object.entries(REASONS).find(([, other]) => other === number);
  return entry?.[0] as CloseReason | undefined;
}

/** The alert that callers see. */
export function withWork(alert: Alert, work: AlertWork): Alert {
  return {
    ...alert,
    state: STATES[work.state],
    closeReason: numberOf(work.closeReason),
    closeText: work.closeText,
    assignee: work.assignee,
    history: work.history.map(toAction),
    replacedBy: work.replacedBy || alert.replacedBy,
  };
}

function numberOf(reason: CloseReason | "" | undefined): ReasonNumber {
  return reason === undefined || reason === "" ? ReasonNumber.UNSPECIFIED : REASONS[reason];
}

function toAction({ timeMs, actor, action, text, closeReason }: WorkAction): AlertAction {
  const time = { seconds: BigInt(Math.floor(timeMs / 1000)), nanos: (timeMs % 1000) * 1_000_000 };
  return { time, actor, action, text, closeReason: numberOf(closeReason) };
}
