/** What the step needs of others. */
import type {
  CloudAccount,
  CloudCalls,
  CloudInstance,
  CoverageChange,
  CoveragePoll,
  CoveredInstance,
} from "../model/index.ts";

/** A cloud, for one look. Each question throws an error with `operation` and `code` where it is not answered. */
export interface Cloud {
  readonly calls: CloudCalls[];
  /** The collector's own account. */
  own(signal: AbortSignal): Promise<string>;
  accounts(signal: AbortSignal): Promise<CloudAccount[]>;
  regions(account: string, signal: AbortSignal): Promise<string[]>;
  /** Gives all of a region's machines, a page at a time. */
  instances(account: string, region: string, signal: AbortSignal, take: (page: CloudInstance[]) => void): Promise<void>;
  imageNames(
    account: string,
    region: string,
    imageIds: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>>;
  close(): void;
}

/** A host, as far as it is looked at here. Times are milliseconds since 1970. */
export interface KnownHost {
  hostId: string;
  name: string;
  /** The machine that signed for it when it enrolled; undefined where none did. */
  proven: { account: string; instanceId: string } | undefined;
  /** What its agent says. The account is empty where it does not know it; undefined where it says nothing. */
  claimed: { account: string; instanceId: string } | undefined;
  isRevoked: boolean;
  /** 0 where nothing ever came. */
  lastReceivedMs: number;
  goodbye: "" | "stopped" | "going-down" | "announced";
  missingEvents: number;
}

/** What agents told of themselves, or the collector found, and nobody has closed. */
export type HostTrouble = "rules-refused" | "lost-before-agent" | "lost-in-agent" | "trail-incomplete";

/** Each throws a RetryableError where the database is away. */
export interface HostSource {
  /** All hosts that enrolled, or of which something came. */
  hosts(): AsyncIterable<readonly KnownHost[]>;
  /** By host. */
  troubles(nowMs: number): Promise<ReadonlyMap<string, ReadonlySet<HostTrouble>>>;
}

/** What is kept of looks. Each throws a RetryableError where the database is away. */
export interface CoverageStore {
  getPoll(): Promise<CoveragePoll | undefined>;
  putPoll(poll: CoveragePoll): Promise<void>;
  /** Accounts and regions of which there are machines. */
  listPlaces(): Promise<{ account: string; region: string }[]>;
  /** Machines of an account and region. */
  listPlace(account: string, region: string, limit: number): Promise<CoveredInstance[]>;
  putInstances(instances: readonly CoveredInstance[]): Promise<void>;
  removeInstances(instances: readonly CoveredInstance[]): Promise<void>;
  addChanges(changes: readonly CoverageChange[]): Promise<void>;
  /** Removes changes of before this time, and the oldest of those beyond this number. */
  trimChanges(beforeMs: number, most: number): Promise<void>;
}
