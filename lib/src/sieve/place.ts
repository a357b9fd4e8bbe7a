/**
 * Where a key lies in a binary fuse filter: the fingerprints at four places, one each in four segments that follow each other, give the
 * key's own fingerprint when they are XORed.
 * Source: T. M. Graf, D. Lemire: Binary Fuse Filters: Fast and Smaller Than Xor Filters, https://arxiv.org/abs/2201.01174
 */
import { mix } from "./hash.ts";

/** Places of a key. */
export const ARITY = 4;

/** Equal segments of fingerprints. */
export interface Layout {
  /** Fingerprints of a segment, as a power of two. */
  segmentBits: number;
  /** Segments in which a key's first place may be; there are three more, for the other places. 0 where there is no key. */
  segments: number;
}

/** A segment has 16,384 fingerprints at most; larger ones would need more bits of a key than there are. */
export const SEGMENT_BITS_MAX = 14;
export const SEGMENTS_MAX = 0xffff;

/** Fingerprints of a layout, each of a byte. */
export function fingerprintsOf({ segmentBits, segments }: Layout): number {
  return segments === 0 ? 0 : (segments + ARITY - 1) * (1 << segmentBits);
}

const GOLDEN = 0x9e3779b1;

/** The first word of a key, mixed. Both words together are one to one to the key, so that different keys never stay the same. */
export function firstWord(low: number, high: number, seed: number): number {
  return mix(high ^ mix(low + Math.imul(seed + 1, GOLDEN)));
}

/** The second word, given the first. */
export function secondWord(low: number, first: number): number {
  return mix(low ^ Math.imul(first, GOLDEN));
}

/** Puts the places of a key to `places` and returns its fingerprint. */
export function place(first: number, second: number, { segmentBits, segments }: Layout, places: Uint32Array): number {
  const length = 1 << segmentBits;
  const mask = length - 1;
  // Below segments * length, also where the product is rounded.
  const start = Math.floor((first * (segments * length)) / 0x1_0000_0000);
  const third = Math.imul(first ^ second, GOLDEN);
  places[0] = start;
  places[1] = (start + length) ^ (second & mask);
  places[2] = (start + 2 * length) ^ ((second >>> 16) & mask);
  places[3] = (start + 3 * length) ^ ((third >>> 16) & mask);
  return third & 0xff;
}
