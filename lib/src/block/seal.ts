/** Closing a block and opening it again. The primitives come from outside, so that this stays pure. */
import { Block, Codec } from "@hosttrail/proto/block";
import type { Event } from "@hosttrail/proto/event";
import { ColumnBlock } from "./decode.ts";
import { type EncodedEvents, encodeEvents } from "./encode.ts";
import { BlockError } from "./error.ts";
import { decompressedBytesMax } from "./limits.ts";
import { padded } from "./padding.ts";
import { encodeHeader, FORMAT_VERSION, type Header, type ParsedBlock } from "./header.ts";

/** What sealing needs from the platform; `lib/crypto` has it for Node. `context`: bytes that are known to both sides. */
export interface BlockPrimitives {
  compress(bytes: Uint8Array, context?: Uint8Array): Uint8Array;
  /** Decompresses; throws where the result would pass `bytesMax`. */
  decompress(bytes: Uint8Array, bytesMax: number, context?: Uint8Array): Uint8Array;
  /** For what is kept: slower, and smaller. */
  compressSegment(bytes: Uint8Array): Uint8Array;
  sha256(bytes: Uint8Array): Uint8Array;
}

/** Signs with the host's key: Ed25519, 64 bytes. */
export type Sign = (message: Uint8Array) => Uint8Array;

/** Verifies an Ed25519 signature by one known key. */
export type Verify = (message: Uint8Array, signature: Uint8Array) => boolean;

/** What the header says beside what follows from the events. */
export interface SealOptions {
  hostId: string;
  epoch: bigint;
  firstSeq: bigint;
  bootId: string;
  agentVersion: string;
  /** BlockHeader.flags. */
  flags: number;
  /** SHA-256 of the previous block's header; empty for the first one of an epoch. */
  previousHeaderSha256: Uint8Array;
}

export interface SealedBlock {
  /** The serialized Block. */
  bytes: Uint8Array;
  header: Header;
  /** What the next block names as previous_header_sha256. */
  headerSha256: Uint8Array;
}

const DOMAIN = new TextEncoder().encode("hosttrail-block-v2\0");

/** What is signed: a prefix that keeps the signature from meaning anything elsewhere, and the header. */
function signedMessage(header: Uint8Array): Uint8Array {
  const message = new Uint8Array(DOMAIN.length + header.length);
  message.set(DOMAIN);
  message.set(header, DOMAIN.length);
  return message;
}

/** Encodes, compresses, hashes and signs events: once, and never again. */
export function sealBlock(
  events: readonly Event[],
  options: SealOptions,
  primitives: BlockPrimitives,
  sign: Sign,
): SealedBlock {
  return sealEncoded(encodeEvents(events), options, primitives, sign);
}

/** Compresses, hashes and signs what was encoded. */
export function sealEncoded(
  encoded: EncodedEvents,
  options: SealOptions,
  primitives: BlockPrimitives,
  sign: Sign,
): SealedBlock {
  const { columns, payload } = compress(encoded.columns, primitives);
  const header = headerOf(encoded, columns, options, primitives);
  const headerBytes = encodeHeader(header);
  const signature = sign(signedMessage(headerBytes));
  const bytes = Block.encode({ header: headerBytes, signature, payload, codec: Codec.ZSTD }).finish();
  return { bytes, header, headerSha256: primitives.sha256(headerBytes) };
}

function headerOf(
  { count, firstTimeUnixNano, lastTimeUnixNano }: EncodedEvents,
  columns: Uint8Array,
  options: SealOptions,
  primitives: BlockPrimitives,
): Header {
  const { hostId, epoch, firstSeq, bootId, previousHeaderSha256, flags, agentVersion } = options;
  return {
    formatVersion: FORMAT_VERSION,
    hostId,
    epoch,
    firstSeq,
    count,
    firstTimeUnixNano,
    lastTimeUnixNano,
    bootId,
    columnsBytes: columns.length,
    columnsSha256: primitives.sha256(columns),
    previousHeaderSha256,
    flags,
    agentVersion,
  };
}

/** Compresses columns; those that shrink to less than a reader takes for so many bytes are padded first. */
function compress(plain: Uint8Array, primitives: BlockPrimitives): { columns: Uint8Array; payload: Uint8Array } {
  let columns = plain;
  let payload = primitives.compress(columns);
  for (let length = 1024; columns.length > decompressedBytesMax(payload.length); length *= 2) {
    columns = padded(plain, length);
    payload = primitives.compress(columns);
  }
  return { columns, payload };
}

/** Throws unless the header is signed by the key that `verify` knows. */
export function checkSignature({ block }: ParsedBlock, verify: Verify): void {
  if (!verify(signedMessage(block.header), block.signature)) {
    throw new BlockError("SIGNATURE_INVALID", "signature", "not made by the host's key over this header");
  }
}

/** The columns of a block, whose hash is the header's. */
export function columnsOf({ block, header }: ParsedBlock, primitives: BlockPrimitives): Uint8Array {
  const columns = plainOf(block, header.columnsBytes, primitives);
  if (columns.length !== header.columnsBytes) {
    throw new BlockError("PAYLOAD_MALFORMED", "payload", `${columns.length} bytes, not ${header.columnsBytes}`);
  }
  const actual = primitives.sha256(columns);
  if (!actual.every((byte, at) => byte === header.columnsSha256[at])) {
    throw new BlockError("COLUMNS_HASH_MISMATCH", "payload", "the columns' SHA-256 is not the header's columns_sha256");
  }
  return columns;
}

function plainOf({ codec, payload }: Block, bytesMax: number, primitives: BlockPrimitives): Uint8Array {
  if (codec === Codec.NONE) return payload;
  try {
    return primitives.decompress(payload, bytesMax);
  } catch (cause) {
    throw new BlockError("PAYLOAD_MALFORMED", "payload", "cannot be decompressed", { cause });
  }
}

/** Opens the payload of a block. */
export function openBlock(parsed: ParsedBlock, primitives: BlockPrimitives): ColumnBlock {
  return openColumns(columnsOf(parsed, primitives), parsed.header);
}

/** Opens columns of which it is known that they are those of this header. */
export function openColumns(payload: Uint8Array, header: Header): ColumnBlock {
  const columns = new ColumnBlock(payload, header);
  if (columns.count !== header.count) {
    throw new BlockError("PAYLOAD_MALFORMED", "payload.count", `${columns.count} where the header has ${header.count}`);
  }
  return columns;
}
