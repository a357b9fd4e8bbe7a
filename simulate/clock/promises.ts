/** Stands in for node:timers/promises. */
import { presentSchedule, runningProcess } from "../schedule/index.ts";

/** As Node's: rejects with an AbortError where the signal ends it. */
export function setTimeout<Value = void>(
  delayMs = 1,
  value?: Value,
  { signal }: { signal?: AbortSignal; ref?: boolean } = {},
): Promise<Value> {
  const process = runningProcess();
  return new Promise((resolve, reject) => {
    const ended = (): void => {
      task.cancel();
      reject(new DOMException("The operation was aborted", "AbortError"));
    };
    const task = presentSchedule.now.after(Math.max(1, delayMs), process, "", () => {
      signal?.removeEventListener("abort", ended);
      resolve(value as Value);
    });
    if (signal?.aborted === true) ended();
    else signal?.addEventListener("abort", ended, { once: true });
  });
}

export function setImmediate<Value = void>(value?: Value): Promise<Value> {
  return setTimeout(1, value);
}
