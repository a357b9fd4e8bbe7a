/** The heads of chains that a log has: the newest of each. */
import { HEAD_RESTATED_MS, type HeadEntry, type Logged, parseLogEntry } from "@hosttrail/lib/logentry";
import { TILE_WIDTH } from "@hosttrail/lib/tlog";
import type { LogReader } from "./reader.ts";

/** Every head stands in the log again after this time at the latest; so long before the newest entry must be looked. */
const LOOK_BACK_MS: number = 2 * HEAD_RESTATED_MS;

/**
 * The newest head of each epoch of these hosts (undefined: of all), by `<host id>-<epoch>`, among the first `size` entries. It reads back
 * until it is sure that there are no others: heads are stated again every hour. Throws where an entry cannot be read.
 */
export async function loggedHeads(
  log: LogReader,
  size: number,
  hostIds: ReadonlySet<string> | undefined,
  signal?: AbortSignal,
): Promise<Map<string, Logged<HeadEntry>>> {
  const heads = new Map<string, Logged<HeadEntry>>();
  let newestMs = 0;
  for (let bundle = Math.ceil(size / TILE_WIDTH) - 1; bundle >= 0; bundle--) {
    signal?.throwIfAborted();
    const entries = (await log.bundle(bundle, size)).map((bytes) => parseLogEntry(bytes));
    for (let at = entries.length - 1; at >= 0; at--) {
      const entry = entries[at];
      if (entry === undefined) continue;
      newestMs ||= entry.timeMs;
      if (entry.kind !== "head" || hostIds?.has(entry.hostId) === false) continue;
      const key = `${entry.hostId}-${entry.epoch.toString(16).padStart(16, "0")}`;
      if (!heads.has(key)) heads.set(key, { index: bundle * TILE_WIDTH + at, entry });
    }
    // Entries have the time of their commit, which never goes back in the log.
    if ((entries[0]?.timeMs ?? 0) < newestMs - LOOK_BACK_MS) break;
  }
  return heads;
}
