/** What checking needs of others. Each throws a RetryableError where the database is away. */
import type { Arrival, CatalogEntry, HostDocument, KeptCertificate, Place, SequenceRange } from "../model/index.ts";

/** A block that arrived, or why its document cannot be read. */
export interface KeptArrival {
  id: string;
  arrival: Arrival | { problem: string };
}

/** A catalog's entries, or why it cannot be read. */
export interface KeptCatalog {
  hostId: string;
  place: Place;
  entries: CatalogEntry[] | { problem: string };
}

/** The database as it is, without anything that was remembered. */
export interface KeptSource {
  days(): Promise<Place[]>;
  arrivalsOf(
    hostIds: readonly string[],
    bounds: { blocksMax: number; bytesMax: number },
  ): Promise<{ arrivals: KeptArrival[]; isAll: boolean }>;
  catalogsOf(place: Place, hostIds: readonly string[]): Promise<KeptCatalog[]>;
  payload(place: Place, id: string): Promise<Uint8Array | undefined>;
  sieve(place: Place, id: string): Promise<Uint8Array | undefined>;
  certificatesOf(hostId: string): Promise<KeptCertificate[]>;
  hostDocument(hostId: string): Promise<HostDocument | undefined>;
}

/** The newest header of a chain that the log has. */
export interface LoggedHead {
  epoch: bigint;
  /** The number after the last event. */
  next: bigint;
  /** SHA-256 of the header, hex. */
  hash: string;
  /** Nothing below was missing then. */
  isWhole: boolean;
  timeMs: number;
}

/** Numbers that retention dropped, by the log. */
export interface LoggedDrop {
  epoch: bigint;
  ranges: readonly SequenceRange[];
  policy: string;
  timeMs: number;
}

/** An entry of the log and the proof that it is in there. */
export interface ProvenEntry {
  entry: Uint8Array;
  index: bigint;
  inclusionProof: readonly Uint8Array[];
}

/** What the log says of one host; all of it was proven. */
export interface LoggedTrail {
  heads: readonly LoggedHead[];
  drops: readonly LoggedDrop[];
  /** The entries that this is of. */
  proofs: readonly ProvenEntry[];
}

/** What the log says, all of it as of one checkpoint. */
export interface LoggedTrails {
  /** The checkpoint, as a signed note. */
  checkpoint: string;
  /** Proof that the log of so many entries is the beginning of this one; none where it is not, or is larger. */
  consistencyProof(seenSize: bigint): Promise<Uint8Array[]>;
  hostIds(): readonly string[];
  /** Throws where an entry is not in the tree of the checkpoint. */
  of(hostId: string): Promise<LoggedTrail>;
}
