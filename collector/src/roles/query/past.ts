/** The past, as all questions of one process share it. */
import { availableParallelism } from "node:os";
import { selectArchive } from "../../archives.ts";
import { HostSelection, Turns } from "../../ask/index.ts";
import { dayRange } from "../../mongodb/index.ts";
import { ScanPool, scanSource } from "../../scan/index.ts";
import type { Shared } from "../role.ts";
import type { Past } from "./api.ts";

export function openPast({ config, live, archive, history }: Omit<Shared, "api" | "stream">): Past {
  const { parallelMax, workers } = config.query;
  const pool = new ScanPool(workers === 0 ? Math.max(1, availableParallelism() - 1) : workers);
  pool.start();
  return {
    pool,
    source: scanSource(history, dayRange, pool),
    finder: new HostSelection(selectArchive(archive)),
    turns: new Turns({ runningMax: parallelMax }),
    most: {
      get timeMs() {
        return live().query.timeMaxMs;
      },
      get bytes() {
        return live().query.bytesMax;
      },
      get events() {
        return live().query.eventsMax;
      },
    },
    find: (hostId, epoch, seq) => history.find(hostId, epoch, seq),
  };
}
