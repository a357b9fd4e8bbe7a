/** What the collector's steps share. */

/** A block on its way from receive to store: opaque bytes and what the header says of them. */
export interface BlockMessage {
  /** `<host id>-<epoch>-<first_seq>`: JetStream message id and MongoDB `_id`. */
  id: string;
  hostId: string;
  hostName: string;
  /** SHA-256 of the signing key's SubjectPublicKeyInfo, hex. */
  signer: string;
  bytes: Uint8Array;
}

/** A block that was taken from the stream and must be acknowledged. */
export interface TakenBlock {
  message: BlockMessage;
  /** Times that it was delivered, this one included. */
  deliveries: number;
  ack(): void;
  /** Gives it back, to be delivered again after a while. */
  retry(delayMs: number): void;
  /** It went to the dead letters: never deliver it again. */
  terminate(reason: string): void;
}

/** A block as the database keeps it. Times are nanoseconds since 1970 UTC. */
export interface BlockDocument {
  id: string;
  hostId: string;
  epoch: bigint;
  firstSeq: bigint;
  count: number;
  firstTimeNano: bigint;
  lastTimeNano: bigint;
  /** Number of events by event.action. */
  actions: { action: string; count: number }[];
  /** `field=value` of what is inside, for the fields of SEARCH_TERMS in lib/filter. */
  terms: string[];
  /** Fields that have more values than terms may keep. */
  termsOverflow: string[];
  chain: { hash: string; previous: string };
  signer: string;
  agentVersion: string;
  bytes: Uint8Array;
}

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
  firstEventNano: bigint;
  lastEventNano: bigint;
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

/** A failure that the same input meets again. */
export class PermanentError extends Error {
  override readonly name = "PermanentError";
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
