/** What the ledger needs of others. Each throws a RetryableError where the database, or the stream, is away. */
import type { HostFinder, Turns } from "../ask/index.ts";
import type { HostDocument } from "../model/index.ts";
import type { Budget, ScanSource } from "../scan/index.ts";
import type { PageTokens } from "../serve/index.ts";
import type { DeadNumbers } from "./fate.ts";
import type { EpochRange } from "./numbers.ts";

export type LedgerHost = Pick<HostDocument, "hostId" | "name" | "trail">;

/** What is read for one host. */
export interface LedgerPast {
  scans: ScanSource;
  /** Of those of these hosts of which there is anything. */
  hosts(hostIds: readonly string[]): Promise<LedgerHost[]>;
  /** What could not be stored. */
  dead(hostIds: ReadonlySet<string>): Promise<ReadonlyMap<string, readonly DeadNumbers[]>>;
  /** What was removed by the rules of retention, or is about to be. */
  dropped(hostIds: ReadonlySet<string>): Promise<ReadonlyMap<string, readonly EpochRange[]>>;
}

export interface LedgerSource extends LedgerPast {
  finder: HostFinder;
  turns: Turns;
  tokens: PageTokens;
  /** In the order of their ids, after one of them; only these, undefined for all. */
  listHosts(afterId: string, limit: number, hostIds: readonly string[] | undefined): Promise<LedgerHost[]>;
  /** The most that one question may take. */
  most: Budget;
}
