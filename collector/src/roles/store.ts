/** [JetStream] -> store -> [arrivals]. */
import { blockArchive } from "../archives.ts";
import { Probe } from "../health/index.ts";
import { metrics } from "../metrics/index.ts";
import { Storer } from "../store/index.ts";
import { watchGivenUp } from "./givenup.ts";
import { tellLag } from "./lag.ts";
import type { RunningRole, Shared } from "./role.ts";

export function startStore({ config, stream, archive, history, reach, signal, logger }: Shared): RunningRole {
  const storer = new Storer(stream, blockArchive(archive, history), archive.hosts, config.store, logger);
  const gauges = { blocks: metrics.storeLagBlocks, seconds: metrics.storeLagSeconds };
  const endLag = tellLag("storing", stream, gauges, logger);
  const givenUp = watchGivenUp(stream, logger);
  const consumer = new Probe("consumer", () => stream.assertConsumer());
  return {
    needs: [reach.nats, reach.database, consumer],
    close() {
      endLag();
      givenUp.close();
    },
    work: storer.run(signal),
  };
}
