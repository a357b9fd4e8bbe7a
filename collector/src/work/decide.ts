/** Actions, as decisions for a store: given what was done before, what is done now. Each throws a WorkError where it is not allowed. */
import type { AlertWork, CloseReason, WorkAction } from "../model/index.ts";

export type Decide = (work: AlertWork) => WorkAction | undefined;

/** Who does it, and when. */
interface Actor {
  actor: string;
  timeMs: number;
}

/** An action that the state does not allow. */
export class WorkError extends Error {
  override readonly name = "WorkError";
  readonly state: AlertWork["state"];

  constructor(work: AlertWork, what: string) {
    super(`alert ${work.alertId} is ${described(work)}; ${what}`);
    this.state = work.state;
  }
}

/** The state, and who brought it there. */
function described({ state, history }: AlertWork): string {
  const last = history.findLast(({ action }) => action === state);
  return last === undefined ? state : `${state} by ${last.actor}`;
}

export function acknowledge(who: Actor, text: string): Decide {
  return (work) => {
    if (work.state === "open") return { ...who, action: "acknowledged", text };
    throw new WorkError(work, "only an open one can be acknowledged");
  };
}

export function close(who: Actor, closeReason: CloseReason, text: string): Decide {
  return (work) => {
    if (work.state !== "closed") return { ...who, action: "closed", text, closeReason };
    throw new WorkError(work, "reopen it to close it for another reason");
  };
}

export function closeUnlessClosed(who: Actor, closeReason: CloseReason, text: string): Decide {
  return ({ state }) => (state === "closed" ? undefined : { ...who, action: "closed", text, closeReason });
}

export function reopen(who: Actor, text: string): Decide {
  return (work) => {
    if (work.state !== "open") return { ...who, action: "reopened", text };
    throw new WorkError(work, "only a closed or acknowledged one can be reopened");
  };
}

/** Says whose it is; saying so again changes nothing. */
export function assign(who: Actor, assignee: string): Decide {
  return (work) => (work.assignee === assignee ? undefined : { ...who, action: "assigned", text: assignee });
}

export function comment(who: Actor, text: string): Decide {
  return () => ({ ...who, action: "commented", text });
}
