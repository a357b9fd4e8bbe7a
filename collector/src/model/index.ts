/** What the collector's steps share. */
import type { Place, SequenceRange } from "./place.ts";

export type { ConsoleSession, LoginLink, LoginWay } from "./console.ts";
export {
  type CloudAccount,
  type CloudCalls,
  type CloudInstance,
  type CloudProblem,
  COVERAGE_REASONS,
  COVERAGE_STATES,
  type CoverageChange,
  type CoveragePoll,
  type CoverageReason,
  type CoverageState,
  type CoveredInstance,
  type Exclusion,
  type RefusedClaim,
} from "./coverage.ts";
export type {
  HiddenCount,
  ManagedRulesetSetting,
  RulesetDocument,
  RulesetFile,
  RuleSetting,
  RuleSettings,
  SuppressionDocument,
} from "./detection.ts";
export type { ExportPlan, ExportState } from "./export.ts";
export {
  type DetectionGap,
  FINDING_KINDS,
  type FindingAbout,
  type FindingKind,
  FINDINGS,
  FINDINGS_RULESET,
  type LedgerImbalance,
} from "./finding.ts";
export { HOUR_EVENTS_MAX, hourNumberOf } from "./hour.ts";
export type { HostChains, LogAnchor, LogCommit, LoggedNote, PublishedLog } from "./log.ts";
export { OUTSIDE, type Place, type SequenceRange } from "./place.ts";
export {
  type Drop,
  type DropBatch,
  type DropFence,
  type DropMark,
  type DroppedDay,
  type LegalHold,
  type OtherDrop,
  type OutsideSeen,
  RETENTION_KINDS,
  type RetentionKind,
  type RetentionPolicy,
} from "./retention.ts";
export { afterAction, type AlertWork, type CloseReason, untouched, type WorkAction, type WorkState } from "./work.ts";

/** A block on its way from receive to store: opaque bytes and what the header says of them. */
export interface BlockMessage {
  /** `<host id>-<epoch>-<first_seq>`. */
  id: string;
  hostId: string;
  hostName: string;
  /** SHA-256 of the signing key's SubjectPublicKeyInfo, hex. */
  signer: string;
  /** SHA-256 of the block's header, hex: two blocks with one id and different content differ here. */
  headerSha256: string;
  /** The host's clock minus the collector's when the host said hello, where that is known. Milliseconds. */
  clockOffsetMs?: number;
  bytes: Uint8Array;
}

/** A block that was taken from the stream and must be acknowledged. */
export interface TakenBlock {
  message: BlockMessage;
  /** When the stream got it, milliseconds since 1970. The same at each delivery. */
  receivedMs: number;
  /** Times that it was delivered, this one included. */
  deliveries: number;
  ack(): void;
  /** Gives it back, to be delivered again after a while. */
  retry(delayMs: number): void;
  /** It went to the dead letters: never deliver it again. */
  terminate(reason: string): void;
}

/** A block that could not be stored, as it lies among the dead letters. */
export interface DeadLetter {
  /** Its place among them. */
  sequence: number;
  /** When it died, milliseconds since 1970. */
  timeMs: number;
  /** The code, and what was found. */
  reason: string;
  detail: string;
  /** Times that the stream had delivered it; 0 where that is not known. */
  deliveries: number;
  /** As its header says; 0 where that cannot be read. */
  events: number;
  block: BlockMessage;
}

/** What a person decided about a dead letter. */
export interface DeadDecision {
  /** When the stream of dead letters was made, and the letter's place in it. */
  streamMs: number;
  sequence: number;
  /** "replayed": its bytes are stored, or are another letter now. */
  kind: "replayed" | "dropped";
  hostId: string;
  blockId: string;
  /** 0 where its header could not be read. */
  events: number;
  /** The code of the dead letter. */
  reason: string;
  /** What the person said. */
  why: string;
  caller: string;
  timeMs: number;
}

/** A message of a stream that was taken and must be settled. */
export interface TakenMessage {
  subject: string;
  /** Its place in the stream. */
  sequence: number;
  /** When the stream got it, milliseconds since 1970. The same at each delivery. */
  receivedMs: number;
  /** Times that it was delivered, this one included. */
  deliveries: number;
  bytes: Uint8Array;
  ack(): void;
  /** Gives it back, to be delivered again after a while. */
  retry(delayMs: number): void;
  /** Never deliver it again. */
  terminate(reason: string): void;
}

/** How a block stands to those of its host that are stored already. */
export type ChainStatus = "first" | "continues" | "gap" | "fills" | "broken" | "forked" | "unknown" | "collector";

/** A block as it is kept until it becomes a part of history. Times are nanoseconds since 1970 UTC. */
export interface Arrival {
  /** As in the message; that of a fork has an epoch of its own (see trail/chain.ts). */
  id: string;
  place: Place;
  hostId: string;
  epoch: bigint;
  firstSeq: bigint;
  count: number;
  firstTimeNano: bigint;
  lastTimeNano: bigint;
  receivedMs: number;
  chain: { hash: string; previous: string; status: ChainStatus };
  /** Id of the block that had these numbers first, where this one is a fork. */
  forkOf?: string;
  signer: string;
  bytes: Uint8Array;
}

/** A payload that history is kept in: many blocks as a segment, or one block that could not be merged. */
export interface CatalogEntry {
  /** Under which the payload and its sieve are found. */
  id: string;
  epoch: bigint;
  /** Ascending and apart from each other. */
  ranges: SequenceRange[];
  firstTimeNano: bigint;
  lastTimeNano: bigint;
  events: number;
  blocks: number;
  /** Of the payload. */
  bytes: number;
  sha256: Uint8Array;
  sieveSha256: Uint8Array;
  /**
   * Events of each hour, from that of the first time on to that of the last one (see hour.ts). Undefined where one hour has all of them, where
   * the times are too far from each other, and where it was written before hours were counted.
   */
  hourEvents?: number[];
  /** What is known of a block that stands by itself; undefined for a segment. */
  block?: { receivedMs: number; signer: string; status: string; reason: string };
}

/** What history there is of a host in one place. */
export interface Catalog {
  hostId: string;
  place: Place;
  /** Counts its changes; 0 where there is none yet. */
  version: number;
  /** Versions before it that are still there: somebody was ended before removing them. */
  older: number[];
  entries: CatalogEntry[];
}

/** Consecutive blocks of one epoch that are stored. Hashes are hex; `next` is the number after the last event. */
export interface TrailRange {
  first: bigint;
  next: bigint;
  /** Hash that the first block names as the one before it. */
  previous: string;
  /** Hash of the last block's header. */
  last: string;
  /** When the hole before it was first seen, milliseconds; 0 once it was told. */
  holeMs: number;
}

/** What is stored of one epoch of a host. */
export interface EpochTrail {
  epoch: bigint;
  usedMs: number;
  /** Ascending and apart from each other. */
  ranges: TrailRange[];
  /** Numbers below are no longer known. */
  floor: bigint;
  /** Events that are missing below the floor. */
  missing: bigint;
}

/** What is wrong with a host's trail; see TrailFaults in query.proto. */
interface TrailFaults {
  forkedBlocks: number;
  brokenLinks: number;
  outsideBlocks: number;
  deadBlocks: number;
}

/** When something was last found wrong with a host's trail, milliseconds since 1970; 0 for never. */
interface FaultTimes {
  forkedMs: number;
  brokenMs: number;
  missingMs: number;
  outsideMs: number;
  deadMs: number;
}

/** A name that a host had, and the times of the first and the last event that said so, nanoseconds. */
export interface WasCalled {
  text: string;
  firstNano: bigint;
  lastNano: bigint;
}

/**
 * How a host's newest block ended its agent's run: it did not, the agent was stopped in order, or its system went down. "announced": it did not,
 * and somebody had said that the host will end.
 */
export type Goodbye = "" | "stopped" | "going-down" | "announced";

/** What is known of a host. */
export interface HostDocument {
  hostId: string;
  name: string;
  bootId: string;
  agentVersion: string;
  kernel: string;
  osName: string;
  osVersion: string;
  architecture: string;
  /** Of the cloud, as its agent says; empty where there is none. */
  cloudAccount: string;
  firstEventNano: bigint;
  lastEventNano: bigint;
  /** 0 where it is not known. */
  firstReceivedMs: number;
  lastReceivedMs: number;
  clockOffsetMs: number;
  /** Since when its clock is off by so much, as far as is known. */
  clockSinceMs: number;
  goodbye: Goodbye;
  trail: EpochTrail[];
  faults: TrailFaults;
  faultTimes: FaultTimes;
  /** Events that were missing when its newest block was stored. */
  missingEvents: number;
  /** What it was called, and which instances of a cloud it was. */
  names: readonly WasCalled[];
  instances: readonly WasCalled[];
}

/** What a host is found by, also by what it was called earlier. */
export type HostNames = Pick<HostDocument, "hostId" | "names" | "instances">;

/** What is looked at of all hosts again and again. */
export type HostState = Pick<
  HostDocument,
  | "hostId"
  | "name"
  | "lastReceivedMs"
  | "clockOffsetMs"
  | "clockSinceMs"
  | "goodbye"
  | "faults"
  | "faultTimes"
  | "missingEvents"
>;

/** Which machine of a cloud a host says that it is, and how it does. */
export type HostMachine = HostState & Pick<HostDocument, "cloudAccount" | "instances">;

/** Whose agents had a stream to one node that takes blocks. Times are milliseconds since 1970 by that node's clock. */
export interface Presence {
  nodeId: string;
  /** Since when it takes blocks, and when it told this. */
  startMs: number;
  timeMs: number;
  connected: readonly string[];
  /** Hosts whose last stream ended, and when. */
  left: readonly (readonly [hostId: string, timeMs: number])[];
}

/** What a host told of its set-up, but for the audit rules themselves. */
export interface ToldProfile {
  hostId: string;
  /** Its own name for all of it. */
  version: string;
  /** Hosts that have the same one have the same audit rules. */
  auditRulesSha256: string;
  auditRuleCount: number;
  auditRulesLeftOut: number;
  /** Why its audit rules are not known; empty where they are. */
  auditProblem: string;
  /** The fleet's spec that made it; empty where none is told. */
  spec: string;
  receivedMs: number;
}

/** The same with its audit rules, in auditctl's syntax. */
export interface KeptProfile extends Omit<ToldProfile, "auditRuleCount"> {
  auditRules: readonly string[];
}

/** How a host came here, as far as that is known: milliseconds by the collector's clock, else 0. */
export interface HostArrival {
  enrollMs: number;
  firstAlertMs: number;
  /** The fleet's spec that made it; empty where its agent told none. */
  spec: string;
}

/** How full the disk of the database was. */
export interface DiskSample {
  timeMs: number;
  usedBytes: number;
  totalBytes: number;
}

/** A failure of something outside that may work when tried again. */
export class RetryableError extends Error {
  override readonly name = "RetryableError";
  /** Milliseconds to wait first. */
  readonly retryDelayMs: number;

  constructor(message: string, retryDelayMs: number, options?: ErrorOptions) {
    super(message, options);
    this.retryDelayMs = retryDelayMs;
  }
}

/** A stream that takes nothing more until somebody takes something from it. */
export class StreamFullError extends RetryableError {}

/** A failure that the same input meets again. */
export class PermanentError extends Error {
  override readonly name = "PermanentError";
  /** What the dead letter of a block says. */
  readonly code: "DATABASE_REFUSED" | "TRAIL_IRREGULAR" | "MESSAGE_REFUSED";

  constructor(message: string, options?: ErrorOptions & { code?: PermanentError["code"] }) {
    super(message, options);
    this.code = options?.code ?? "DATABASE_REFUSED";
  }
}

/** A token with which hosts enrol. Times are milliseconds since 1970, here and below. */
export interface EnrollmentToken {
  id: string;
  /** SHA-256 of the secret, hex. */
  hash: string;
  hostsMax: number;
  hostsEnrolled: number;
  labels: Readonly<Record<string, string>>;
  /** Caller who made it. */
  creator: string;
  createMs: number;
  expireMs: number;
}

/** A bearer token of the API. */
export interface ApiToken {
  id: string;
  hash: string;
  displayName: string;
  role: "viewer" | "responder" | "admin";
  scope: Readonly<Record<string, string>>;
  creator: string;
  createMs: number;
  expireMs: number;
}

/** Who a host is. Its id is the beginning of its key's fingerprint. */
export interface HostIdentity {
  hostId: string;
  hostName: string;
  labels: Readonly<Record<string, string>>;
  /** What let it enrol: "token:<id>" or "aws:<account>/<instance>". */
  proof: string;
  /** SHA-256 of the key's SubjectPublicKeyInfo, hex. */
  keyFingerprint: string;
  enrollMs: number;
  /** End of the last certificate. */
  expireMs: number;
  /** 0 while it is valid. */
  revokeMs: number;
  revokeReason: string;
  /** Boot ids with which it said hello, the newest last. */
  boots: readonly string[];
  /** Boot ids of copies of its disk. */
  clonedBoots: readonly string[];
}

/** A certificate with which a host came: its own and those above it but for the root, DER. */
export interface KeptCertificate {
  hostId: string;
  chain: readonly Uint8Array[];
}

/** One call of the API. */
export interface AuditEntry {
  /** Sorts by time. */
  id: string;
  timeMs: number;
  caller: string;
  peerAddress: string;
  method: string;
  /** JSON, without secrets. */
  request: string;
  results: number;
  status: string;
}

/** A question that somebody keeps under a name; `scope` is that of those for whom it is there. */
export interface SavedQueryDocument {
  scope: string;
  name: string;
  /** A serialized SavedQuery. */
  bytes: Uint8Array;
}
