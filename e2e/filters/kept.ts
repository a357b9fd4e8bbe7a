/** Blocks that wait, read from the database once: FerretDB reads all of them for each question, which takes a second and more. */
import type { HistorySource } from "@hosttrail/collector/history";

const ALL = { hostIds: undefined, startNano: -(1n << 62n), endNano: 1n << 62n };
/** So few are given at once that questions are answered in windows. */
const BLOCKS_MAX = 300;

/** The same history, while nothing is written into it. */
export async function keptArrivals(source: HistorySource): Promise<HistorySource> {
  const { arrivals: all, isAll } = await source.arrivals(ALL, { blocksMax: 1_000_000, bytesMax: 2 ** 30 });
  if (!isAll) throw new Error("more blocks wait than are read at once");
  return {
    ...source,
    async arrivals({ hostIds, startNano, endNano }) {
      const hosts = hostIds === undefined ? undefined : new Set(hostIds);
      const found = all.filter(
        ({ hostId, firstTimeNano, lastTimeNano }) =>
          hosts?.has(hostId) !== false && firstTimeNano < endNano && lastTimeNano >= startNano,
      );
      return { arrivals: found.slice(0, BLOCKS_MAX), isAll: found.length <= BLOCKS_MAX };
    },
  };
}
