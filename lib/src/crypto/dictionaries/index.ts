/** The zstd dictionaries of blocks, by number. One that is here stays as it is for ever: blocks are read with it as long as they are kept. */

/** What new blocks are compressed with; 0 for none. */
export const NEWEST = 0;

export const DICTIONARIES: ReadonlyMap<number, Buffer> = new Map<number, Buffer>();
