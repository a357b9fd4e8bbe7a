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

/** Payload bytes after decompression, at most: the bound against a decompression bomb. */
export const PAYLOAD_BYTES_MAX: number = 32 * 1024 * 1024;

/** Serialized header bytes, at most. */
export const HEADER_BYTES_MAX = 1024;

/** Rows in one table of a block, at most. */
export const TABLE_ROWS_MAX: number = 1 << 20;
