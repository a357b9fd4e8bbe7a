/** Which form of its columns a block goes on in. Its hash is of the columns as they are, so either form proves the same. */
import { BlockError, columnsOf, LINKED_COLUMNS_MAX, type ParsedBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { Block, Codec } from "@hosttrail/proto/block";

/** Columns that are as small stay as they came: to compress them for some minutes, and open them again, costs more than the bytes. */
const PLAIN_COLUMNS_MAX = 8192;

/** Columns that came as they are are hashed at once; only small ones come so. Throws a BlockError. */
export function checkPlain(parsed: ParsedBlock): void {
  if (parsed.block.codec !== Codec.NONE) return;
  const { columnsBytes } = parsed.header;
  if (columnsBytes > LINKED_COLUMNS_MAX) {
    const detail = `${columnsBytes} bytes of columns that are not compressed; at most ${LINKED_COLUMNS_MAX} are allowed`;
    throw new BlockError("BLOCK_MALFORMED", "codec", detail);
  }
  columnsOf(parsed, nodePrimitives);
}

/** The serialized Block as it goes on to the stream. */
export function onward(bytes: Uint8Array, { block, header }: ParsedBlock): Uint8Array {
  if (block.codec !== Codec.NONE || header.columnsBytes <= PLAIN_COLUMNS_MAX) return bytes;
  return Block.encode({ ...block, payload: nodePrimitives.compress(block.payload), codec: Codec.ZSTD }).finish();
}
