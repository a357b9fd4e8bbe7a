/** The blocks of a payload as their host sealed them: taken from where they lie, or made again from a segment. */
import {
  BlockError,
  columnsOf,
  eventId,
  openColumns,
  type ParsedBlock,
  parseBlock,
  SegmentReader,
} from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { AuditRecord } from "@hosttrail/proto/event";
import { Codec } from "@hosttrail/proto/block";
import type { Arrival, CatalogEntry, Place, SequenceRange } from "../model/index.ts";

/** A payload and what is written beside it. */
export interface Stored {
  hostId: string;
  place: Place;
  /** Of the arrival or of the payload. */
  id: string;
  from: { arrival: Arrival } | { entry: CatalogEntry };
}

/** A block as it was sealed, and what was noted of it. */
export interface StoredBlock {
  /** Under which its events are found; that of a fork has an epoch of its own. */
  id: string;
  /** Of the id. */
  epoch: bigint;
  parsed: ParsedBlock;
  columns: Uint8Array;
  /** SHA-256 of the header, and of the one that it names as the one before it, hex. */
  hash: string;
  previous: string;
  receivedMs: number;
  /** Fingerprint of the key, as it was noted. */
  signer: string;
}

/** A block of a segment that cannot be made again. */
export interface BrokenBlock {
  /** Of the block, or its number in the segment where that says no more. */
  id: string;
  /** Its numbers, where they are known. */
  range?: SequenceRange;
  problem: string;
}

/** What is in a payload. */
export interface OpenStored {
  blocks: Iterable<StoredBlock | BrokenBlock>;
  count: number;
  /** Records that its events refer to. */
  records(): readonly AuditRecord[];
}

/** Opens a payload. Throws a BlockError where nothing of it can be read. */
export function openStored({ hostId, id, from }: Stored, bytes: Uint8Array): OpenStored {
  if ("arrival" in from) {
    const { epoch, receivedMs, signer } = from.arrival;
    return openBlockBytes(bytes, { hostId, epoch, receivedMs, signer });
  }
  const { entry } = from;
  if (entry.block !== undefined) {
    const { receivedMs, signer } = entry.block;
    return openBlockBytes(bytes, { hostId, epoch: entry.epoch, receivedMs, signer });
  }
  const segment = new SegmentReader(bytes, nodePrimitives);
  if (segment.hostId !== hostId || segment.epoch !== entry.epoch)
    throw new BlockError("SEGMENT_MALFORMED", id, `of host ${segment.hostId}, epoch ${segment.epoch}`);
  return { blocks: blocksOf(segment), count: segment.count, records: () => segment.events.records.rows };
}

function openBlockBytes(
  bytes: Uint8Array,
  { hostId, epoch, receivedMs, signer }: { hostId: string; epoch: bigint; receivedMs: number; signer: string },
): OpenStored {
  const parsed = parseBlock(bytes);
  const columns = columnsOf(parsed, nodePrimitives);
  const { header, block } = parsed;
  const stored: StoredBlock = {
    id: eventId(hostId, epoch, header.firstSeq),
    epoch,
    parsed,
    columns,
    hash: hexOf(nodePrimitives.sha256(block.header)),
    previous: hexOf(header.previousHeaderSha256),
    receivedMs,
    signer,
  };
  return { blocks: [stored], count: 1, records: () => openColumns(columns, header).records.rows };
}

function* blocksOf(segment: SegmentReader): Iterable<StoredBlock | BrokenBlock> {
  for (let index = 0; index < segment.count; index++) {
    let id = `block ${index} of a segment of ${segment.hostId}`;
    let range: SequenceRange | undefined;
    try {
      const { firstSeq, count, receivedMs, signer } = segment.block(index);
      id = eventId(segment.hostId, segment.epoch, firstSeq);
      range = { first: firstSeq, next: firstSeq + BigInt(count) };
      const { header, headerBytes, headerSha256, signature, columns } = segment.rebuild(index);
      const block = { header: headerBytes, signature, payload: columns, codec: Codec.NONE };
      yield {
        id,
        epoch: segment.epoch,
        parsed: { header, block },
        columns,
        hash: hexOf(headerSha256),
        previous: hexOf(header.previousHeaderSha256),
        receivedMs,
        signer,
      };
    } catch (error) {
      if (!isOfBytes(error)) throw error;
      yield { id, problem: error.message, ...(range === undefined ? {} : { range }) };
    }
  }
}

/** What bytes that are not right make of those who read them: encoding a header says RangeError of an id that is none. */
export function isOfBytes(error: unknown): error is Error {
  return error instanceof BlockError || error instanceof RangeError;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
