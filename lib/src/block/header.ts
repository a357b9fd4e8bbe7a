/** The header of a block: what must be known without opening the payload. */
import { Block, BlockHeader } from "@hosttrail/proto/block";
import { BlockError } from "./error.ts";
import { isHostId } from "./id.ts";
import { BLOCK_BYTES_MAX, decompressedBytesMax, EVENTS_MAX, HEADER_BYTES_MAX, PAYLOAD_BYTES_MAX } from "./limits.ts";

export const FORMAT_VERSION = 1;
export const CODEC_ZSTD = 1;
/** BlockHeader.flags. */
export const FLAG_URGENT = 1;
export const FLAG_CANARY = 2;

/** A block taken apart, its payload still closed. */
export interface ParsedBlock {
  block: Block;
  header: BlockHeader;
}

/** Takes a serialized block apart and checks that its header makes sense. */
export function parseBlock(bytes: Uint8Array): ParsedBlock {
  if (bytes.length > BLOCK_BYTES_MAX) {
    throw new BlockError("BLOCK_TOO_LARGE", "block", `${bytes.length} bytes; at most ${BLOCK_BYTES_MAX} are allowed`);
  }
  let block: Block;
  try {
    block = Block.decode(bytes);
  } catch (cause) {
    throw new BlockError("BLOCK_MALFORMED", "block", "not a serialized Block", { cause });
  }
  const header = parseHeader(block.header);
  const bytesMax = decompressedBytesMax(block.payload.length);
  if (header.uncompressedBytes > bytesMax) {
    throw new BlockError(
      "HEADER_INVALID",
      "header.uncompressed_bytes",
      `${header.uncompressedBytes}; a payload of ${block.payload.length} bytes may stand for ${bytesMax} at most`,
    );
  }
  return { block, header };
}

function parseHeader(bytes: Uint8Array): BlockHeader {
  if (bytes.length === 0 || bytes.length > HEADER_BYTES_MAX) {
    throw new BlockError("HEADER_INVALID", "header", `${bytes.length} bytes; 1 to ${HEADER_BYTES_MAX} are allowed`);
  }
  let header: BlockHeader;
  try {
    header = BlockHeader.decode(bytes);
  } catch (cause) {
    throw new BlockError("HEADER_INVALID", "header", "not a serialized BlockHeader", { cause });
  }
  const check = (ok: boolean, field: string, detail: string): void => {
    if (!ok) throw new BlockError("HEADER_INVALID", `header.${field}`, detail);
  };
  const { count, firstSeq, uncompressedBytes } = header;
  check(header.formatVersion === FORMAT_VERSION, "format_version", `${header.formatVersion}; only 1 is known`);
  check(isHostId(header.hostId), "host_id", "not 32 lower case hex digits");
  check(header.codec === CODEC_ZSTD, "codec", `${header.codec}; only 1 (zstd) is known`);
  check(count >= 1 && count <= EVENTS_MAX, "count", `${count}; 1 to ${EVENTS_MAX} are allowed`);
  check(firstSeq + BigInt(count) < 1n << 64n, "first_seq", `${firstSeq} with ${count} events passes 64 bits`);
  check(
    uncompressedBytes >= 1 && uncompressedBytes <= PAYLOAD_BYTES_MAX,
    "uncompressed_bytes",
    `${uncompressedBytes}; 1 to ${PAYLOAD_BYTES_MAX} are allowed`,
  );
  check(header.payloadSha256.length === 32, "payload_sha256", `${header.payloadSha256.length} bytes, not 32`);
  const previous = header.previousHeaderSha256.length;
  check(previous === 0 || previous === 32, "previous_header_sha256", `${previous} bytes, not 0 or 32`);
  check(header.firstTimeUnixNano <= header.lastTimeUnixNano, "last_time_unix_nano", "before first_time_unix_nano");
  return header;
}
