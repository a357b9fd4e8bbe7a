/** What people, and the detector where it withdraws, made of an alert. */

export type WorkState = "open" | "acknowledged" | "closed";

/** Why an alert was closed; "withdrawn" is the detector's alone. */
export type CloseReason = "true-positive" | "false-positive" | "benign" | "duplicate" | "other" | "withdrawn";

/** One thing that somebody did with an alert. Times are milliseconds since 1970. */
export interface WorkAction {
  timeMs: number;
  /** As in Caller.name, or "detector". */
  actor: string;
  action: "acknowledged" | "closed" | "reopened" | "assigned" | "commented";
  /** A note; of "assigned" whose it is now. */
  text: string;
  /** Of "closed". */
  closeReason?: CloseReason;
  /** Of "closed" as withdrawn: the alert that tells of it now. */
  replacedBy?: string;
}

/** All actions with an alert, taken together. */
export interface AlertWork {
  alertId: string;
  /** Number of actions so far; 0 where nobody did anything: such an alert is open. */
  version: number;
  state: WorkState;
  /** Empty unless it is closed. */
  closeReason: CloseReason | "";
  closeText: string;
  /** 0 unless it is closed. */
  closeMs: number;
  assignee: string;
  replacedBy: string;
  /** The newest actions, the oldest of them first. */
  history: readonly WorkAction[];
}

/** Actions that an alert shows; all of them stay in the database. */
const HISTORY_MAX = 100;

/** An alert that nobody did anything with. */
export function untouched(alertId: string): AlertWork {
  return {
    alertId,
    version: 0,
    state: "open",
    closeReason: "",
    closeText: "",
    closeMs: 0,
    assignee: "",
    replacedBy: "",
    history: [],
  };
}

const OPENED = { closeReason: "", closeText: "", closeMs: 0, replacedBy: "" } as const;

/** The work after one more action. Whether the action is allowed is for who makes it to know. */
export function afterAction(work: AlertWork, action: WorkAction): AlertWork {
  const version = work.version + 1;
  const history = [...work.history, action].slice(-HISTORY_MAX);
  const next = { ...work, version, history };
  switch (action.action) {
    case "acknowledged":
      return { ...next, ...OPENED, state: "acknowledged" };
    case "reopened":
      return { ...next, ...OPENED, state: "open" };
    case "closed": {
      const { text: closeText, timeMs: closeMs, closeReason = "other", replacedBy = "" } = action;
      return { ...next, state: "closed", closeReason, closeText, closeMs, replacedBy };
    }
    case "assigned":
      return { ...next, assignee: action.text };
    default:
      return next;
  }
}
