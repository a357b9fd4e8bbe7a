/** The block: how events are sealed once and read by everybody else. */
export { ColumnBlock } from "./decode.ts";
export type { TextName } from "./rows.ts";
export type { Lists } from "./table.ts";
export type { ProcessOrView } from "./tables.ts";
export { type EncodedEvents, encodeColumns, encodeEvents, EventEncoder } from "./encode.ts";
export { BlockError, type BlockErrorCode } from "./error.ts";
export {
  encodeHeader,
  FLAG_CANARY,
  FLAG_ENDING,
  FLAG_GOING_DOWN,
  FLAG_GOODBYE,
  FLAG_URGENT,
  type Header,
  type ParsedBlock,
  parseBlock,
  parseHeader,
} from "./header.ts";
export {
  type BlockPosition,
  epochMs,
  eventId,
  type EventNames,
  hex64,
  isHostId,
  newEpoch,
  parseEventId,
} from "./id.ts";
export * from "./limits.ts";
export { type ScannedHost, scanPayload } from "./scan/index.ts";
export * from "./segment/index.ts";
export { LINK_WINDOW_DEFAULT, LINK_WINDOW_MAX, LINKED_COLUMNS_MAX, LinkError, LinkReader, LinkWriter } from "./link.ts";
export {
  type BlockPrimitives,
  checkSignature,
  columnsOf,
  openBlock,
  openColumns,
  type SealedBlock,
  type SealOptions,
  type Sign,
  sealBlock,
  sealEncoded,
  type Verify,
} from "./seal.ts";
