/** zstd as blocks want it: quick and bounded. */
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";

const LEVEL = 1;
/** From here on it costs more than it saves. */
const SEGMENT_LEVEL = 9;
/** The content of a usual segment. */
const CHUNK_BYTES_MAX = 2 * 1024 * 1024;
/** A frame of a few bytes may ask for a window of 128 MiB; ours has 512 KiB, and 8 MiB is what every decoder must take (RFC 8878). */
const WINDOW_LOG_MAX = 23;

export function compress(bytes: Uint8Array, context?: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, {
    pledgedSrcSize: bytes.length,
    ...dictionaryOf(context),
    params: { [constants.ZSTD_c_compressionLevel]: LEVEL },
  });
}

export function compressSegment(bytes: Uint8Array): Uint8Array {
  const params = { [constants.ZSTD_c_compressionLevel]: SEGMENT_LEVEL };
  return zstdCompressSync(bytes, { pledgedSrcSize: bytes.length, params });
}

export function decompress(bytes: Uint8Array, bytesMax: number, context?: Uint8Array): Uint8Array {
  return zstdDecompressSync(bytes, {
    ...dictionaryOf(context),
    maxOutputLength: bytesMax,
    // One output buffer that fits, where the size is known and not absurd.
    chunkSize: Math.max(64, Math.min(bytesMax, CHUNK_BYTES_MAX)),
    params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
  });
}

/** What zstd takes as a dictionary without a format: anything that does not begin as one with a format does. */
function dictionaryOf(context: Uint8Array | undefined): { dictionary?: Uint8Array } {
  return context === undefined ? {} : { dictionary: context };
}
