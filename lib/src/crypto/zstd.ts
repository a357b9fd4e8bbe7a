/** zstd as blocks want it: quick, bounded, and with a dictionary where there is too little to learn from. */
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Compressed } from "../block/index.ts";
import { DICTIONARIES, NEWEST } from "./dictionaries/index.ts";

const LEVEL = 1;
const CHUNK_BYTES_MAX = 1024 * 1024;
/** A frame of a few bytes may ask for a window of 128 MiB; ours has 512 KiB, and 8 MiB is what every decoder must take (RFC 8878). */
const WINDOW_LOG_MAX = 23;
/** Larger columns learn from themselves, and to load a dictionary costs as much as to compress some. */
const DICTIONARY_BYTES_MAX = 64 * 1024;

export function compress(bytes: Uint8Array): Compressed {
  const dictionary = bytes.length <= DICTIONARY_BYTES_MAX ? NEWEST : 0;
  const payload = zstdCompressSync(bytes, {
    pledgedSrcSize: bytes.length,
    ...dictionaryOf(dictionary),
    params: { [constants.ZSTD_c_compressionLevel]: LEVEL },
  });
  return { payload, dictionary };
}

export function hasDictionary(dictionary: number): boolean {
  return dictionary === 0 || DICTIONARIES.has(dictionary);
}

export function decompress({ payload, dictionary }: Compressed, bytesMax: number): Uint8Array {
  return zstdDecompressSync(payload, {
    ...dictionaryOf(dictionary),
    maxOutputLength: bytesMax,
    // One output buffer that fits, where the size is known and not absurd.
    chunkSize: Math.max(64, Math.min(bytesMax, CHUNK_BYTES_MAX)),
    params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
  });
}

function dictionaryOf(number: number): { dictionary?: Buffer } {
  const dictionary = DICTIONARIES.get(number);
  return dictionary === undefined ? {} : { dictionary };
}
