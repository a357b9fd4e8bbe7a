/** The transparency log as it is kept. Times are milliseconds since 1970. */

/** A growth of the log. Its number says which one: two processes cannot both make the same. */
export interface LogCommit {
  /** From 1. */
  number: number;
  /** Entries before it and with it. */
  previousSize: number;
  size: number;
  /** Of the tree with it, 32 bytes. */
  root: Uint8Array;
  /** Where its entries are kept until their tiles are. */
  batchId: string;
  batchPieces: number;
  timeMs: number;
}

/** A commit whose checkpoint everybody may see. */
export interface PublishedLog {
  number: number;
  size: number;
  /** The checkpoint with all signatures. */
  note: Uint8Array;
  timeMs: number;
}

/** The newest checkpoint that was signed, at another place than the database, so that one is noticed that was set back. */
export interface LogAnchor {
  /** The checkpoint with the log's signature. */
  note: Uint8Array;
  /** To be named by whoever replaces it; 0 where there is none. */
  sequence: number;
}

/** Something that was put into the log once, and where it stands. */
export interface LoggedNote {
  /** `drop-<id>`, `hold-<id>` or `release-<id>`. */
  id: string;
  index: number;
}

/** How far the chains of a host went. */
export interface HostChains {
  hostId: string;
  chains: readonly { epoch: bigint; lastSeq: bigint; headerSha256: string; missing: bigint }[];
}
