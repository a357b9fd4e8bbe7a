/** Closing a block and opening it again. The primitives come from outside, so that this stays pure. */
import { Block, BlockHeader } from "@hosttrail/proto/block";
import type { Event } from "@hosttrail/proto/event";
import { ColumnBlock } from "./decode.ts";
import { type EncodedEvents, encodeEvents } from "./encode.ts";
import { BlockError } from "./error.ts";
import { decompressedBytesMax } from "./limits.ts";
import { padded } from "./padding.ts";
import { CODEC_ZSTD, FORMAT_VERSION, type ParsedBlock } from "./header.ts";

/** What sealing needs from the platform; `lib/crypto` has it for Node. */
export interface BlockPrimitives {
  compress(bytes: Uint8Array): Uint8Array;
  /** Decompresses; throws where the result would pass `bytesMax`. */
  decompress(bytes: Uint8Array, bytesMax: number): Uint8Array;
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
  header: BlockHeader;
  /** What the next block names as previous_header_sha256. */
  headerSha256: Uint8Array;
}

const DOMAIN = new TextEncoder().encode("hosttrail-block-v1\0");

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
  const { count, firstTimeUnixNano, lastTimeUnixNano } = encoded;
  const { columns, payload } = compress(encoded.columns, primitives);
  const header: BlockHeader = {
    formatVersion: FORMAT_VERSION,
    hostId: options.hostId,
    epoch: options.epoch,
    firstSeq: options.firstSeq,
    count,
    firstTimeUnixNano,
    lastTimeUnixNano,
    bootId: options.bootId,
    codec: CODEC_ZSTD,
    uncompressedBytes: columns.length,
    payloadSha256: primitives.sha256(payload),
    previousHeaderSha256: options.previousHeaderSha256,
    flags: options.flags,
    agentVersion: options.agentVersion,
  };
  const headerBytes = BlockHeader.encode(header).finish();
  const signature = sign(signedMessage(headerBytes));
  const bytes = Block.encode({ header: headerBytes, signature, payload }).finish();
  return { bytes, header, headerSha256: primitives.sha256(headerBytes) };
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

/** Throws unless the payload has the header's hash. */
export function checkPayloadHash({ block, header }: ParsedBlock, primitives: BlockPrimitives): void {
  const actual = primitives.sha256(block.payload);
  if (!actual.every((byte, at) => byte === header.payloadSha256[at])) {
    throw new BlockError("PAYLOAD_HASH_MISMATCH", "payload", "its SHA-256 is not the header's payload_sha256");
  }
}

/** Throws unless the header is signed by the key that `verify` knows. */
export function checkSignature({ block }: ParsedBlock, verify: Verify): void {
  if (!verify(signedMessage(block.header), block.signature)) {
    throw new BlockError("SIGNATURE_INVALID", "signature", "not made by the host's key over this header");
  }
}

/** Opens the payload of a block whose hash was checked. */
export function openBlock({ block, header }: ParsedBlock, primitives: BlockPrimitives): ColumnBlock {
  let payload: Uint8Array;
  try {
    payload = primitives.decompress(block.payload, header.uncompressedBytes);
  } catch (cause) {
    throw new BlockError("PAYLOAD_MALFORMED", "payload", "cannot be decompressed", { cause });
  }
  if (payload.length !== header.uncompressedBytes) {
    throw new BlockError("PAYLOAD_MALFORMED", "payload", `${payload.length} bytes, not ${header.uncompressedBytes}`);
  }
  const columns = new ColumnBlock(payload, header);
  if (columns.count !== header.count) {
    throw new BlockError("PAYLOAD_MALFORMED", "payload.count", `${columns.count} where the header has ${header.count}`);
  }
  return columns;
}
