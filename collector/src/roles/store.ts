/** [JetStream] -> store -> [arrivals]. */
import type { Logger } from "@hosttrail/lib/log";
import { blockArchive } from "../archives.ts";
import type { BlockStream } from "../jetstream/index.ts";
import { Probe } from "../health/index.ts";
import { metrics } from "../metrics/index.ts";
import { Storer } from "../store/index.ts";
import type { RunningRole, Shared } from "./role.ts";

const LAG_INTERVAL_MS = 10_000;

export function startStore({ config, stream, archive, history, reach, signal, logger }: Shared): RunningRole {
  const storer = new Storer(stream, blockArchive(archive, history), archive.hosts, config.store, logger);
  const lag = setInterval(() => void tellLag(stream, logger), LAG_INTERVAL_MS);
  const consumer = new Probe("consumer", () => stream.lag());
  return {
    needs: [reach.nats, reach.database, consumer],
    close: () => clearInterval(lag),
    work: storer.run(signal),
  };
}

async function tellLag(stream: BlockStream, logger: Logger): Promise<void> {
  try {
    metrics.storeLagBlocks.set(await stream.lag());
  } catch (error) {
    logger.warn({ error: String(error) }, "JetStream does not tell how far storing lags");
  }
}
