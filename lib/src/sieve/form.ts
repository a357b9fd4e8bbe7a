/**
 * A sieve's bytes: a header of twelve, then the fingerprints.
 *
 * | bytes | what |
 * |---|---|
 * | 0 | version, 1 |
 * | 1 | bits of a segment's length |
 * | 2, 3 | segments in which a key may begin, little-endian as all that follows |
 * | 4 to 7 | seed |
 * | 8 to 11 | overflow: a bit for each group that was not taken in as a whole, and bit 31 for the terms |
 */
import { fingerprintsOf, type Layout, SEGMENT_BITS_MAX } from "./place.ts";

const VERSION = 1;
const HEADER_BYTES = 12;

/** The bit of the terms in `overflow`; bits below are groups. */
export const TERMS = 31;
/** Nothing was taken in as a whole. */
export const ALL = 0xffff_ffff;

export interface Form {
  layout: Layout;
  seed: number;
  overflow: number;
  fingerprints: Uint8Array;
}

export function writeForm({ layout, seed, overflow, fingerprints }: Form): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + fingerprints.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, VERSION);
  view.setUint8(1, layout.segmentBits);
  view.setUint16(2, layout.segments, true);
  view.setUint32(4, seed, true);
  view.setUint32(8, overflow, true);
  bytes.set(fingerprints, HEADER_BYTES);
  return bytes;
}

/** Reads a header and checks that the bytes are as many as it says; the fingerprints are a view of them. Throws a RangeError. */
export function readForm(bytes: Uint8Array): Form {
  if (bytes.length < HEADER_BYTES) {
    throw new RangeError(`a sieve of ${bytes.length} bytes; its header alone has ${HEADER_BYTES}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint8(0);
  if (version !== VERSION) throw new RangeError(`a sieve of version ${version}; known is ${VERSION}`);
  const layout = { segmentBits: view.getUint8(1), segments: view.getUint16(2, true) };
  if (layout.segmentBits > SEGMENT_BITS_MAX) {
    throw new RangeError(`a sieve with segments of 2^${layout.segmentBits}; at most 2^${SEGMENT_BITS_MAX} are allowed`);
  }
  const count = fingerprintsOf(layout);
  const fingerprints = bytes.subarray(HEADER_BYTES);
  if (fingerprints.length !== count) {
    throw new RangeError(`a sieve with ${fingerprints.length} bytes of fingerprints where its header says ${count}`);
  }
  return { layout, seed: view.getUint32(4, true), overflow: view.getUint32(8, true), fingerprints };
}
