/** Makes a binary fuse filter of distinct keys. */
import { ALL, writeForm } from "./form.ts";
import {
  ARITY,
  fingerprintsOf,
  firstWord,
  type Layout,
  place,
  SEGMENT_BITS_MAX,
  SEGMENTS_MAX,
  secondWord,
} from "./place.ts";
import { type Keys, KeySet } from "./set.ts";

/** Seeds that are tried, each with a segment more than the one before. Of honest keys one of the first six did. */
const TRIES_MAX = 32;

/** About 45 to 90 segments need the least room for many keys, and fewer for few; measured from 10 to 160,000 keys. */
const KEYS_EACH_LENGTH = 45;

function segmentBitsFor(keys: number): number {
  const few = (log2(keys) + 2) >> 1;
  return Math.min(SEGMENT_BITS_MAX, Math.max(few, log2(keys / KEYS_EACH_LENGTH)));
}

/** Of the whole part, rounded down; 0 of less than one. */
function log2(value: number): number {
  return 31 - Math.clz32(Math.max(1, value));
}

/** The layout of a try. The first has nearly as little room as can do: short segments need more, being of less even use. */
function layoutFor(keys: number, attempt: number): Layout {
  const segmentBits = segmentBitsFor(keys);
  const length = 1 << segmentBits;
  const segments = Math.ceil((keys * (1.02 + 1 / Math.sqrt(length))) / length) + attempt;
  return { segmentBits, segments: Math.min(SEGMENTS_MAX, segments) };
}

/** Keys in the order in which they could be taken away, each with the place that it had for itself. */
interface Peeled {
  first: Uint32Array;
  second: Uint32Array;
  place: Uint32Array;
}

/** For each place how many keys have it, and the XOR of their words: of one key these are its words. */
interface Graph {
  degree: Uint32Array;
  first: Uint32Array;
  second: Uint32Array;
}

function graphOf({ low, high }: Keys, layout: Layout, seed: number): Graph {
  const size = fingerprintsOf(layout);
  const degree = new Uint32Array(size);
  const firsts = new Uint32Array(size);
  const seconds = new Uint32Array(size);
  const places = new Uint32Array(ARITY);
  for (let index = 0; index < low.length; index++) {
    const first = firstWord(low[index] ?? 0, high[index] ?? 0, seed);
    const second = secondWord(low[index] ?? 0, first);
    place(first, second, layout, places);
    for (let which = 0; which < ARITY; which++) {
      const at = places[which] ?? 0;
      degree[at] = (degree[at] ?? 0) + 1;
      firsts[at] = (firsts[at] ?? 0) ^ first;
      seconds[at] = (seconds[at] ?? 0) ^ second;
    }
  }
  return { degree, first: firsts, second: seconds };
}

/**
 * Takes away one key after another that has a place for itself; undefined where some are left that have none. Goes by places, not
 * by keys, so that the order of the keys makes no difference.
 */
function peel(graph: Graph, keys: number, layout: Layout): Peeled | undefined {
  const { degree } = graph;
  const peeled = { first: new Uint32Array(keys), second: new Uint32Array(keys), place: new Uint32Array(keys) };
  // A place comes to have one key only once.
  const alone = new Uint32Array(degree.length);
  let found = 0;
  for (let at = 0; at < degree.length; at++) if (degree[at] === 1) alone[found++] = at;
  const places = new Uint32Array(ARITY);
  let count = 0;
  for (let next = 0; next < found; next++) {
    const own = alone[next] ?? 0;
    // Its key may have gone by another place meanwhile.
    if (degree[own] !== 1) continue;
    const first = graph.first[own] ?? 0;
    const second = graph.second[own] ?? 0;
    peeled.first[count] = first;
    peeled.second[count] = second;
    peeled.place[count++] = own;
    place(first, second, layout, places);
    for (let which = 0; which < ARITY; which++) {
      const at = places[which] ?? 0;
      graph.first[at] = (graph.first[at] ?? 0) ^ first;
      graph.second[at] = (graph.second[at] ?? 0) ^ second;
      degree[at] = (degree[at] ?? 0) - 1;
      if (degree[at] === 1) alone[found++] = at;
    }
  }
  return count === keys ? peeled : undefined;
}

/** Gives each key's own place, last taken first, what makes its four places give its fingerprint. */
function assign({ first, second, place: own }: Peeled, layout: Layout): Uint8Array {
  const fingerprints = new Uint8Array(fingerprintsOf(layout));
  const places = new Uint32Array(ARITY);
  for (let index = own.length - 1; index >= 0; index--) {
    let value = place(first[index] ?? 0, second[index] ?? 0, layout, places);
    // The own place still has zero, which changes nothing.
    for (let which = 0; which < ARITY; which++) value ^= fingerprints[places[which] ?? 0] ?? 0;
    fingerprints[own[index] ?? 0] = value;
  }
  return fingerprints;
}

/**
 * The bytes of a sieve of these distinct keys. Where no seed does, which only keys that were looked for could bring about, it is one that
 * holds nothing back.
 */
export function fuse(keys: Keys, overflow: number): Uint8Array {
  const count = keys.low.length;
  const none = { layout: { segmentBits: 0, segments: 0 }, seed: 0, fingerprints: new Uint8Array(0) };
  if (count === 0) return writeForm({ ...none, overflow });
  for (let seed = 0; seed < TRIES_MAX; seed++) {
    const layout = layoutFor(count, seed);
    const peeled = peel(graphOf(keys, layout, seed), count, layout);
    if (peeled !== undefined) return writeForm({ layout, seed, overflow, fingerprints: assign(peeled, layout) });
  }
  return writeForm({ ...none, overflow: ALL });
}

/**
 * The bytes of a sieve of keys in halves, which may come in any order and more than once: the same set gives the same bytes. Throws a
 * RangeError where the halves are not equally many.
 */
export function buildSieve(low: Uint32Array, high: Uint32Array): Uint8Array {
  if (low.length !== high.length)
    throw new RangeError(`${low.length} low halves of keys, but ${high.length} high ones`);
  const set = new KeySet();
  for (let index = 0; index < low.length; index++) set.add(low[index] ?? 0, high[index] ?? 0);
  return fuse(set.keys(), 0);
}
