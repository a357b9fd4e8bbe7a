/** The block: how events are sealed once and read by everybody else. */
export { type BlockPosition, ColumnBlock } from "./decode.ts";
export { type EncodedEvents, encodeColumns, encodeEvents, EventEncoder } from "./encode.ts";
export { BlockError, type BlockErrorCode } from "./error.ts";
export { FLAG_CANARY, FLAG_URGENT, type ParsedBlock, parseBlock } from "./header.ts";
export { eventId, hex64, isHostId, newEpoch, parseEventId } from "./id.ts";
export * from "./limits.ts";
export {
  type BlockPrimitives,
  checkPayloadHash,
  checkSignature,
  openBlock,
  type SealedBlock,
  type SealOptions,
  type Sign,
  sealBlock,
  sealEncoded,
  type Verify,
} from "./seal.ts";
