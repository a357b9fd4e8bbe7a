/** How far the chains of a host went, from what is known of its trail. */
import type { EpochTrail, HostChains } from "../model/index.ts";

export function chainsOf(hostId: string, trail: readonly EpochTrail[]): HostChains {
  return {
    hostId,
    chains: trail.flatMap(({ epoch, ranges, floor, missing }) => {
      const newest = ranges.at(-1);
      if (newest === undefined) return [];
      let [holes, before] = [missing, floor];
      for (const { first, next } of ranges) {
        if (first > before) holes += first - before;
        before = next;
      }
      return [{ epoch, lastSeq: newest.next - 1n, headerSha256: newest.last, missing: holes }];
    }),
  };
}
