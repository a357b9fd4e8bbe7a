/** Where a block is kept, and which numbers events have. */

/** Where a block is kept: the UTC day of its events, "YYYYMMDD", or apart from the days, where its times cannot be right. */
export type Place = string;
export const OUTSIDE: Place = "outside";

/** Sequence numbers that follow each other; `next` is the one after the last. */
export interface SequenceRange {
  first: bigint;
  next: bigint;
}
