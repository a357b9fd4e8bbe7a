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
    // One output buffer that fits, where the size is told and not absurd: what is given back keeps all of it from being freed. With a byte
    // more, or there would be a second one in which nothing is.
    chunkSize: Math.max(64, Math.min(contentSizeOf(bytes), bytesMax, CHUNK_BYTES_MAX) + 1),
    params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
  });
}

/** Bytes that a frame says it stands for; Infinity where it does not say. Of what is no frame, any number. Source: RFC 8878, 3.1.1.1. */
function contentSizeOf(frame: Uint8Array): number {
  const descriptor = frame[4] ?? 0;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const windowBytes = isSingleSegment ? 0 : 1;
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const at = 5 + windowBytes + dictionaryIdBytes;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  if (sizeBytes === 0 || at + sizeBytes > frame.length) return Infinity;
  const view = new DataView(frame.buffer, frame.byteOffset + at, sizeBytes);
  if (sizeBytes === 1) return view.getUint8(0);
  if (sizeBytes === 2) return view.getUint16(0, true) + 256;
  return sizeBytes === 4 ? view.getUint32(0, true) : Number(view.getBigUint64(0, true));
}

/** What zstd takes as a dictionary without a format: anything that does not begin as one with a format does. */
function dictionaryOf(context: Uint8Array | undefined): { dictionary?: Uint8Array } {
  return context === undefined ? {} : { dictionary: context };
}
