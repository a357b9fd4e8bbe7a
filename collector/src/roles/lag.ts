/** How far a consumer of blocks is behind, told as metrics: by them its role is scaled. */
import type { Logger } from "@hosttrail/lib/log";

const INTERVAL_MS = 10_000;

interface Behind {
  /** Blocks that wait, or are on their way. */
  lag(): Promise<number>;
  /** When the oldest of them came, milliseconds since 1970. */
  oldestMs(): Promise<number | undefined>;
}

interface Gauges {
  blocks: { set(value: number): void };
  seconds: { set(value: number): void };
}

/** Looks now, and again and again until it is closed. `what` is for the log. */
export function tellLag(what: string, behind: Behind, { blocks, seconds }: Gauges, logger: Logger): () => void {
  const look = async (): Promise<void> => {
    try {
      blocks.set(await behind.lag());
      const oldestMs = await behind.oldestMs();
      // A clock that was set back makes no lag of less than nothing.
      seconds.set(oldestMs === undefined ? 0 : Math.max(0, Date.now() - oldestMs) / 1000);
    } catch (error) {
      logger.warn({ error: String(error) }, `JetStream does not tell how far ${what} lags`);
    }
  };
  void look();
  const timer = setInterval(() => void look(), INTERVAL_MS);
  return () => clearInterval(timer);
}
