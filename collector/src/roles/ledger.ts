/** What the ledger is made of, as database and stream have it. */
import type { LedgerPast } from "../ledger/index.ts";
import type { ScanSource } from "../scan/index.ts";
import type { Shared } from "./role.ts";

export function ledgerPast({ archive }: Pick<Shared, "archive">, scans: ScanSource): LedgerPast {
  return {
    scans,
    hosts: async (hostIds) => Array.from((await archive.hosts.getHosts(hostIds)).values(), ({ host }) => host),
    dead: async () => new Map(),
    dropped: async () => new Map(),
  };
}
