/** How blocks that arrived are asked for. */
import type { Arrival } from "../model/index.ts";

/** Which blocks to look for. Times are nanoseconds; a block is found where its time range meets this one. */
export interface ArrivalQuery {
  /** Only of these hosts; undefined for all. Few enough to be listed in a query. */
  hostIds: readonly string[] | undefined;
  startNano: bigint;
  endNano: bigint;
}

/** Bounds of what is read at once. */
export interface ReadingBounds {
  blocksMax: number;
  bytesMax: number;
}

/** Those that end latest, the latest first; `isAll` where there are no more. */
export interface FoundArrivals {
  arrivals: Arrival[];
  isAll: boolean;
}
