/** Sees that the streams stay: somebody may delete one, and then agents' blocks would be refused until a collector starts again. */
import { setTimeout as sleep } from "node:timers/promises";
import type { JetStreamManager } from "@nats-io/jetstream";
import type { Logger } from "@hosttrail/lib/log";
import { type BlockStreamsOptions, listBlockStreams } from "./blockstreams.ts";
import { numberOf } from "./layout.ts";
import { ensureTopology, missingTopology } from "./topology.ts";

export interface Guarded {
  manager: () => Promise<JetStreamManager>;
  options: BlockStreamsOptions;
  /** What is missing is made again; else it is only said. */
  isManaging: boolean;
}

const INTERVAL_MS = 10_000;

/** Looks again and again until the signal ends it. A stream that is made in the place of another one has a name of its own. */
export async function guardTopology(
  { manager: managing, options, isManaging }: Guarded,
  signal: AbortSignal,
  logger: Logger,
): Promise<void> {
  let lastNumber = 0;
  let wasMissing = "";
  while (!signal.aborted) {
    await sleep(INTERVAL_MS, undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      const manager = await managing();
      for (const { config } of await listBlockStreams(manager))
        lastNumber = Math.max(lastNumber, numberOf(config.name));
      const missing = (await missingTopology(manager, options)).join(", ");
      // Another process may be making it just now.
      if (missing !== "" && missing === wasMissing) {
        logger.error({ missing }, "somebody has deleted streams; what they had comes again from the agents");
        if (isManaging) await ensureTopology(manager, { ...options, lastNumber });
      }
      wasMissing = missing;
    } catch (error) {
      // A cluster without a leader, or a connection that is away: both are told elsewhere.
      logger.debug({ error: String(error) }, "streams cannot be looked at");
    }
  }
}
