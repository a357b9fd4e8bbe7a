/** Ending what runs, but not waiting for it for ever: a database or a stream that is away must keep no process from its end. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@hosttrail/lib/log";

/** Waits for the work, at most so long. What does not end, or fails, is told and left: what it had taken comes again elsewhere. Never throws. */
export async function endWithin(what: string, work: Promise<unknown>, timeMs: number, logger: Logger): Promise<void> {
  const timer = new AbortController();
  const late = sleep(timeMs, "late", { signal: timer.signal }).catch(() => "ended");
  const ended = work.then(
    () => "ended",
    (error: unknown) => {
      logger.error({ what, error: String(error) }, "stopping: it ended with an error");
      return "ended";
    },
  );
  const how = await Promise.race([ended, late]);
  timer.abort();
  if (how === "late")
    logger.warn({ what, timeMs: Math.round(timeMs) }, "stopping: it does not end in time and is left");
}
