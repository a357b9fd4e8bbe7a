/**
 * What was made of some events of one unit: groups, and what is to be told of each. It is sent from thread to thread, so it is plain, and
 * whoever makes it bounds it. Arrays have an item for each group, unless they say otherwise.
 */
export interface Reduced {
  /** That were looked at. */
  events: number;
  /** Of these, events of which some combinations of values are in no group: there were too many. */
  cutEvents: number;
  /** By field that is grouped by: its texts, each once. */
  texts: readonly (readonly string[])[];
  /** By field that is grouped by: the number of the group's text, from 1 on; 0 for none. */
  values: readonly Uint32Array[];
  /** Events. */
  counts: Uint32Array;
  /** Times of the first and of the last event, nanoseconds since 1970. */
  firstNano: BigInt64Array;
  lastNano: BigInt64Array;
  /** By metric. */
  metrics: readonly ReducedMetric[];
  buckets: ReducedBuckets | undefined;
}

export type ReducedMetric = ReducedDistinct | ReducedTexts | ReducedNumbers;

/** Different values, as `numberOfText` gives them: those of group n from offsets[n] to offsets[n + 1]. */
export interface ReducedDistinct {
  offsets: Uint32Array;
  hashes: Float64Array;
}

/** The least or the greatest text of each group, by its number among these, from 1 on; 0 for none. */
export interface ReducedTexts {
  texts: readonly string[];
  best: Uint32Array;
}

/** How many numbers there were, and their sum, or the least or the greatest of them. */
export interface ReducedNumbers {
  numbers: Uint32Array;
  results: Float64Array;
}

/** Stretches of time that have events, those of group n from offsets[n] to offsets[n + 1]: numbers from the first stretch on. */
export interface ReducedBuckets {
  offsets: Uint32Array;
  stretches: Uint32Array;
  counts: Uint32Array;
}
