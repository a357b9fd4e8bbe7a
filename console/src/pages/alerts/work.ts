/** What is done with chosen alerts, one call each, so that what cannot be done with one is told of that one. */
import { type Alert, type Answer, call, type CloseReason, METHODS } from "../../api/index.ts";
import { say } from "../../show/index.ts";
import { counted } from "../../text/index.ts";

/** Calls at once. */
const PARALLEL_MAX = 4;

export async function acknowledge(alerts: readonly Alert[], change: (alert: Alert) => void): Promise<boolean> {
  const open = alerts.filter(({ state }) => state === "ALERT_STATE_OPEN");
  return await workOn(
    open,
    "acknowledged",
    change,
    async ({ id = "" }) => await call(METHODS.acknowledgeAlert, { id }),
  );
}

export async function close(
  alerts: readonly Alert[],
  reason: CloseReason,
  text: string,
  change: (alert: Alert) => void,
): Promise<boolean> {
  const open = alerts.filter(({ state }) => state !== "ALERT_STATE_CLOSED");
  return await workOn(
    open,
    "closed",
    change,
    async ({ id = "" }) => await call(METHODS.closeAlert, { id, reason, text }),
  );
}

/** Gives true where all of it was done. */
async function workOn(
  alerts: readonly Alert[],
  done: string,
  change: (alert: Alert) => void,
  work: (alert: Alert) => Promise<Answer<Alert>>,
): Promise<boolean> {
  const waiting = [...alerts];
  let failed = 0;
  let why = "";
  const worker = async (): Promise<void> => {
    for (let alert = waiting.shift(); alert !== undefined; alert = waiting.shift()) {
      const { value, error } = await work(alert);
      if (error === undefined) change(value);
      else {
        failed++;
        why = error.message;
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_MAX }, worker));
  const worked = alerts.length - failed;
  if (worked > 0) say(`${counted(worked, "alert")} ${done}`);
  if (failed > 0) say(`${counted(failed, "alert")} not ${done}: ${why}`, true);
  return failed === 0;
}
