/** The header of a block: what must be known without opening the payload. */
import { Block, BlockHeader, Codec } from "@hosttrail/proto/block";
import { BlockError } from "./error.ts";
import { BLOCK_BYTES_MAX, decompressedBytesMax, EVENTS_MAX, HEADER_BYTES_MAX, PAYLOAD_BYTES_MAX } from "./limits.ts";

export const FORMAT_VERSION = 2;
/** BlockHeader.flags. */
export const FLAG_URGENT = 1;
export const FLAG_CANARY = 2;
/** The last block of a run of the agent, which was stopped in order. */
export const FLAG_GOODBYE = 4;
/** Beside it: the whole system goes down. */
export const FLAG_GOING_DOWN = 8;
/** The host's end was announced when the block was sealed: by its cloud, or by somebody. */
export const FLAG_ENDING = 16;

/** What a header says; times are nanoseconds since 1970 UTC. */
export interface Header {
  formatVersion: number;
  /** 32 lower case hex digits. */
  hostId: string;
  epoch: bigint;
  firstSeq: bigint;
  count: number;
  firstTimeUnixNano: bigint;
  lastTimeUnixNano: bigint;
  /** A UUID in lower case, or empty. */
  bootId: string;
  columnsBytes: number;
  columnsSha256: Uint8Array;
  previousHeaderSha256: Uint8Array;
  flags: number;
  agentVersion: string;
}

/** A block taken apart, its payload still closed. */
export interface ParsedBlock {
  block: Block;
  header: Header;
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
  if (block.codec !== Codec.ZSTD && block.codec !== Codec.NONE) {
    throw new BlockError("BLOCK_MALFORMED", "codec", `${block.codec}; known are 1 (zstd) and 2 (none)`);
  }
  const header = parseHeader(block.header);
  const bytesMax = decompressedBytesMax(block.payload.length);
  if (header.columnsBytes > bytesMax) {
    throw new BlockError(
      "HEADER_INVALID",
      "header.columns_bytes",
      `${header.columnsBytes}; a payload of ${block.payload.length} bytes may stand for ${bytesMax} at most`,
    );
  }
  return { block, header };
}

/** Reads a serialized BlockHeader and checks that it makes sense. */
export function parseHeader(bytes: Uint8Array): Header {
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
  const { count, firstSeq, columnsBytes, firstTimeUnixNano, timeSpanNano } = header;
  check(
    header.formatVersion === FORMAT_VERSION,
    "format_version",
    `${header.formatVersion}; only ${FORMAT_VERSION} is known`,
  );
  check(header.hostId.length === 16, "host_id", `${header.hostId.length} bytes, not 16`);
  check(count >= 1 && count <= EVENTS_MAX, "count", `${count}; 1 to ${EVENTS_MAX} are allowed`);
  check(firstSeq + BigInt(count) < 1n << 64n, "first_seq", `${firstSeq} with ${count} events passes 64 bits`);
  check(firstTimeUnixNano + timeSpanNano < 1n << 63n, "time_span_nano", `${timeSpanNano} passes 64 bits`);
  check(
    header.bootId.length === 0 || header.bootId.length === 16,
    "boot_id",
    `${header.bootId.length} bytes, not 0 or 16`,
  );
  check(
    columnsBytes >= 1 && columnsBytes <= PAYLOAD_BYTES_MAX,
    "columns_bytes",
    `${columnsBytes}; 1 to ${PAYLOAD_BYTES_MAX} are allowed`,
  );
  check(header.columnsSha256.length === 32, "columns_sha256", `${header.columnsSha256.length} bytes, not 32`);
  const previous = header.previousHeaderSha256.length;
  check(previous === 0 || previous === 32, "previous_header_sha256", `${previous} bytes, not 0 or 32`);
  const { hostId, bootId, timeSpanNano: _span, ...same } = header;
  return {
    ...same,
    hostId: hexOf(hostId),
    bootId: bootId.length === 0 ? "" : uuidOf(hexOf(bootId)),
    lastTimeUnixNano: firstTimeUnixNano + timeSpanNano,
  };
}

/** The bytes that are hashed and signed. Throws a RangeError where they cannot say what the header does. */
export function encodeHeader({ hostId, bootId, lastTimeUnixNano, ...same }: Header): Uint8Array {
  const host = bytesOf(hostId);
  if (host.length !== 16) throw new RangeError(`a host's id is 32 hex digits, not "${hostId}"`);
  const boot = bytesOf(bootId.replaceAll("-", ""));
  if (bootId !== "" && uuidOf(hexOf(boot)) !== bootId) throw new RangeError(`a boot's id is a UUID, not "${bootId}"`);
  return BlockHeader.encode({
    ...same,
    hostId: host,
    bootId: boot,
    timeSpanNano: lastTimeUnixNano - same.firstTimeUnixNano,
  }).finish();
}

const DIGITS: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += DIGITS[byte];
  return text;
}

/** The bytes of hex digits; none where they are none. */
function bytesOf(text: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) return new Uint8Array(0);
  return Uint8Array.from({ length: text.length / 2 }, (_, at) => Number.parseInt(text.slice(2 * at, 2 * at + 2), 16));
}

function uuidOf(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
