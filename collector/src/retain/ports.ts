/** What the step needs of the database. Each throws a RetryableError where it is away. */
import type { Labels } from "../access/index.ts";
import type {
  Catalog,
  Drop,
  DropBatch,
  DropFence,
  DropMark,
  LegalHold,
  OtherDrop,
  OutsideSeen,
  Place,
  RetentionPolicy,
} from "../model/index.ts";
import { type Rules } from "./judge.ts";
import { Policies } from "./policy.ts";

/** What is decided by. */
export interface RuleSource {
  listPolicies(): Promise<RetentionPolicy[]>;
  listHolds(): Promise<LegalHold[]>;
  /** Of hosts that enrolled. */
  allLabels(): Promise<ReadonlyMap<string, Labels>>;
}

/** What is kept. */
export interface StoredDays {
  /** Days that have history. */
  days(): Promise<Place[]>;
  catalogs(place: Place, hostIds: readonly string[] | undefined): Promise<Catalog[]>;
  listMarks(): Promise<DropMark[]>;
}

/** What one place is dropped with. */
export interface DropArchive extends RuleSource, StoredDays {
  getFence(place: Place): Promise<DropFence | undefined>;
  removeFence(place: Place): Promise<void>;
  getBatch(place: Place, timeMs: number): Promise<DropBatch | undefined>;
  putBatch(batch: DropBatch): Promise<void>;
  removeBatch(place: Place, timeMs: number): Promise<void>;
  /** Those that are there already stay as they are. */
  noteDrops(drops: readonly Drop[]): Promise<void>;
  settleDrops(ids: readonly string[], state: "done" | "withdrawn"): Promise<void>;
  /** Those of these that are in no log yet. */
  unloggedOf(ids: readonly string[]): Promise<string[]>;
  removeMarks(marks: readonly Pick<DropMark, "hostId" | "place">[]): Promise<void>;
  /** `<host> <place>` of all blocks that are not compacted. */
  waitingDays(): Promise<ReadonlySet<string>>;
  addLeftover(leftover: {
    id: string;
    payloadIds: string[];
    place: Place;
    hostId: string;
    timeMs: number;
  }): Promise<void>;
  removeCatalog(place: Place, hostId: string, version: number): Promise<void>;
  /** False where another one was first. */
  replaceCatalog(catalog: Omit<Catalog, "older">): Promise<boolean>;
  /** What was noted of blocks outside of all days, by host. */
  outsideSeen(): Promise<ReadonlyMap<string, readonly OutsideSeen[]>>;
  /** Takes all of a place away. What is gone already stays gone. */
  dropPlace(place: Place): Promise<void>;
}

/** What is kept beside events. */
export interface OtherArchive {
  /** Of the alerts that began before this time, the newest first, after one of them. */
  oldAlerts(beforeMs: number, afterId: string, limit: number): Promise<OldAlert[]>;
  removeAlerts(ids: readonly string[]): Promise<void>;
  /** Removes up to so many of the oldest calls before this time; gives how many. */
  removeAudit(beforeMs: number, limit: number): Promise<number>;
  removeGaps(beforeMs: number): Promise<number>;
  noteOther(drop: OtherDrop): Promise<void>;
  /** Since when something is as the text says. */
  settledSince(name: string, says: string, nowMs: number): Promise<number>;
}

export interface OldAlert {
  id: string;
  /** Begin of its window. */
  timeMs: number;
  severity: number;
  hostIds: readonly string[];
}

export interface RetainArchive extends DropArchive, OtherArchive {
  /** Time of the newest event of any host, milliseconds; 0 where there is none. */
  newestEventMs(): Promise<number>;
  listFences(): Promise<DropFence[]>;
  /** A place that has one keeps it. */
  addFence(fence: DropFence): Promise<void>;
  addMarks(marks: readonly DropMark[]): Promise<void>;
  putOutsideSeen(hostId: string, seen: readonly OutsideSeen[]): Promise<void>;
}

/** What is decided by, as it is now. */
export async function readRules(source: RuleSource): Promise<Rules> {
  const [policies, holds, labels] = await Promise.all([source.listPolicies(), source.listHolds(), source.allLabels()]);
  return { policies: new Policies(policies), holds: holds.filter(({ releaseMs }) => releaseMs === 0), labels };
}
