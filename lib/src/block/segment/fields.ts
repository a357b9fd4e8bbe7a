/** Numbers of segment.proto, and the bounds of a segment. */

export const SEGMENT_VERSION = 1;

/** Fields of SegmentContent. */
export const CONTENT = { events: 1, blocks: 2 } as const;

/** Fields of SealedBlockRows. */
export const SEALED = {
  firstSeq: 2,
  events: 3,
  bootId: 4,
  agentVersion: 5,
  flags: 6,
  previous: 7,
  padding: 8,
  receivedMs: 9,
  signer: 10,
  status: 11,
  strings: 12,
  previousHashes: 13,
} as const;

/** Values of `previous`; what is more refers to a hash. */
export const PREVIOUS_IS_BEFORE = 0;
export const PREVIOUS_IS_NONE = 1;
export const PREVIOUS_FIRST_HASH = 2;

/** A header's previous hash is kept at least once in so many blocks, so that one block can be made again without all before it. */
export const HASH_INTERVAL = 64;

/** Events in a segment, at most. */
export const SEGMENT_EVENTS_MAX = 16_384;
/** Bytes of its content before compression, at most. */
export const SEGMENT_CONTENT_MAX: number = 64 * 1024 * 1024;
/** Characters of its distinct strings at which a segment is full: a document of the database holds 16 MB. */
export const SEGMENT_TEXT_MAX: number = 4 * 1024 * 1024;

export const SIGNATURE_BYTES = 64;
export const HASH_BYTES = 32;
