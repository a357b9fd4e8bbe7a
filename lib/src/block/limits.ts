/** The bounds of a block, in one place. Agent and collector hold the same ones. */

/** Events in a block, at most. */
export const EVENTS_MAX = 2000;

/** Serialized block bytes that an agent aims not to pass: it cuts the block there. */
export const BLOCK_BYTES_TARGET: number = 256 * 1024;

/**
 * Serialized block bytes that the collector takes at most. One event with a huge argument list may pass
 * the target; this stays under the default `max_payload` of NATS (1 MiB), headers included.
 */
export const BLOCK_BYTES_MAX: number = 1000 * 1024;

/** Payload bytes after decompression, at most. */
export const PAYLOAD_BYTES_MAX: number = 32 * 1024 * 1024;

/** Serialized header bytes, at most. */
export const HEADER_BYTES_MAX = 1024;

/**
 * Payload bytes that any block may decompress to, and those that each of its compressed bytes may add. A few hundred bytes
 * of zstd can stand for 32 MiB: whoever wants a reader to hold much must send much. Recorded work shrinks to a fifth,
 * and 2,000 times the same event, 97 KB, to an 82nd. What shrinks even more is padded where it is sealed.
 */
const DECOMPRESSED_BYTES_FREE: number = 256 * 1024;
const DECOMPRESSED_BYTES_EACH = 256;

/** Payload bytes that so many compressed bytes may stand for. */
export function decompressedBytesMax(compressedBytes: number): number {
  return Math.min(PAYLOAD_BYTES_MAX, DECOMPRESSED_BYTES_FREE + DECOMPRESSED_BYTES_EACH * compressedBytes);
}

/**
 * What rows and list items weigh against the payload's bytes. A column of zeros is left out, so their numbers alone say
 * nothing of the bytes they came in; but each one costs its reader memory and time: a row some 350 bytes, an item 8
 * to 70. An agent's rows differ from each other in texts and numbers, so that their bytes nearly always outweigh them;
 * where they do not, the encoder pads.
 */
export const ROW_WEIGHT = 64;
export const LIST_ITEM_WEIGHT = 4;
const WEIGHT_FREE: number = 128 * 1024;
const WEIGHT_EACH_EVENT = 256;

/** What all rows and list items of a payload may weigh. */
export function weightMax(payloadBytes: number, events: number): number {
  return WEIGHT_FREE + WEIGHT_EACH_EVENT * events + payloadBytes;
}

/** Items of all lists of a block, at most. The kernel takes 700,000 arguments of one program. */
export const LIST_ITEMS_MAX: number = 1 << 20;

/**
 * What the rows of a block come to, at most, when each is written out with all that it refers to: texts, the
 * parent and its parents, the ancestry. A text stands once in a block however many rows have it, but a filter looks at it
 * once for each row. An agent cuts its blocks far earlier; one event that passes this alone is shortened.
 */
export const EXPANDED_BYTES_MAX: number = 64 * 1024 * 1024;
const EXPANDED_BYTES_FREE: number = 1024 * 1024;
const EXPANDED_BYTES_EACH = 64;

/** The same for a payload of so many bytes; recorded work comes to some 20 for each byte. */
export function expandedBytesMax(payloadBytes: number): number {
  return Math.min(EXPANDED_BYTES_MAX, EXPANDED_BYTES_FREE + EXPANDED_BYTES_EACH * payloadBytes);
}

/** Payload bytes that rows of so many bytes want. */
export function payloadBytesFor(expandedBytes: number): number {
  return Math.max(0, Math.ceil((expandedBytes - EXPANDED_BYTES_FREE) / EXPANDED_BYTES_EACH));
}

/** What a row, and an item of a list, count in that beside their texts: about the tags and numbers of a message. */
export const ROW_EXPANDED_BYTES = 32;
export const LIST_ITEM_EXPANDED_BYTES = 4;

/** Parents that a process row may have above it: whoever writes an event out goes down into each. An agent names one. */
export const PARENTS_MAX = 16;
