/** Blocks that arrived, made into segments now rather than minutes later. */
import { compactArchive, historySource } from "@hosttrail/collector/archives";
import { Compactor } from "@hosttrail/collector/compact";
import { History } from "@hosttrail/collector/history";
import type { Archive } from "@hosttrail/collector/mongodb";
import { openLogger } from "@hosttrail/lib/log";
import { eventually } from "./environment.ts";

const ALL = { hostIds: undefined, startNano: -(1n << 62n), endNano: 1n << 62n };

/** Compacts until nothing waits. */
export async function compactAll(archive: Archive, timeoutMs = 60_000): Promise<void> {
  const history = new History(historySource(archive));
  const options = { turnMs: 50, ageMs: 0, blocksMin: 1 };
  const compactor = new Compactor(
    compactArchive(archive),
    history,
    archive.hosts,
    options,
    openLogger("compactor", "error"),
  );
  const stopping = new AbortController();
  const running = compactor.run(stopping.signal);
  try {
    await eventually("compaction of all blocks", timeoutMs, async () => {
      const { arrivals } = await archive.arrivals.find(ALL, { blocksMax: 10, bytesMax: 1_000_000 });
      return arrivals.length === 0 || undefined;
    });
  } finally {
    stopping.abort();
    await running;
    await compactor.close();
  }
}
