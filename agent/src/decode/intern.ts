/**
 * The same string for the same text.
 *
 * Paths come again and again. As one string they are compared by address from here on, in the process table and in the
 * block; and they no longer keep the record alive that they are slices of.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const known = new Map<string, string>();

/** Strings remembered; then all are forgotten and it begins anew. */
const KNOWN_MAX = 4096;
/** Longer ones rarely come again. */
const LENGTH_MAX = 256;
/** V8 copies shorter slices anyway. */
const SLICE_LENGTH_MIN = 13;

/** A string that is equal to the given one, and the same for all equal ones. */
export function intern(text: string): string {
  if (text.length < SLICE_LENGTH_MIN || text.length > LENGTH_MAX) return text;
  const same = known.get(text);
  if (same !== undefined) return same;
  const own = decoder.decode(encoder.encode(text));
  // Not well-formed text would not come back as it was.
  if (own !== text) return text;
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(own, own);
  return own;
}
