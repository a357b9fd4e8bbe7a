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
