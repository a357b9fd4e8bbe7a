/** What the ledger is made of, as database and stream have it. */
import { parseEventId } from "@hosttrail/lib/block";
import type { DeadNumbers, EpochRange, LedgerPast } from "../ledger/index.ts";
import type { ScanSource } from "../scan/index.ts";
import type { Shared } from "./role.ts";

/** Dead letters of one host that are read: more than are kept of it for all reasons that there are. */
const LETTERS_MAX = 2048;
const DROPS_AT_ONCE = 1000;

export function ledgerPast({ archive, stream }: Pick<Shared, "archive" | "stream">, scans: ScanSource): LedgerPast {
  const deadOf = async (hostId: string): Promise<DeadNumbers[]> => {
    const letters = await stream.deadLetters.letters({ hostId, reason: "" }, 0, LETTERS_MAX);
    return letters.flatMap(({ block, events, reason }) => deadNumbers(block.id, events, reason, false));
  };
  const dropsOf = async (hostId: string): Promise<EpochRange[]> => {
    const found: EpochRange[] = [];
    for (let after = ""; ; ) {
      const drops = await archive.drops.listDrops(hostId, after, DROPS_AT_ONCE);
      for (const { state, epoch, ranges } of drops)
        if (state !== "withdrawn") found.push(...ranges.map((range) => ({ epoch, ...range })));
      const last = drops.at(-1);
      if (last === undefined || drops.length < DROPS_AT_ONCE) return found;
      after = last.id;
    }
  };
  return {
    scans,
    hosts: async (hostIds) => Array.from((await archive.hosts.getHosts(hostIds)).values(), ({ host }) => host),
    async dead(hostIds) {
      const found = new Map<string, DeadNumbers[]>();
      for (const hostId of hostIds) found.set(hostId, await deadOf(hostId));
      for (const { hostId, blockId, events, reason } of await archive.deadBlocks.droppedOf([...hostIds]))
        found.get(hostId)?.push(...deadNumbers(blockId, events, reason, true));
      return found;
    },
    async dropped(hostIds) {
      const found = new Map<string, EpochRange[]>();
      for (const hostId of hostIds) found.set(hostId, await dropsOf(hostId));
      return found;
    },
  };
}

/** Of a block whose header cannot be read only the first number is known. */
function deadNumbers(blockId: string, events: number, reason: string, isDropped: boolean): DeadNumbers[] {
  const place = parseEventId(blockId);
  if (place === undefined) return [];
  const { epoch, seq } = place;
  return [{ epoch, first: seq, next: seq + BigInt(Math.max(1, events)), reason, isDropped }];
}
