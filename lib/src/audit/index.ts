/** Kernel audit records: their names, how the kernel writes them, and how an event gives them back. */
export { canonicalAddress } from "./address.ts";
export { condenseRecords, recordFields, recordText, sameIds } from "./condense.ts";
export { bytesOfHex, unquote } from "./text.ts";
export { socketAddressValue, titleOfArguments } from "./typed.ts";
export {
  type FieldContext,
  argumentMeaning,
  capabilities,
  fileMode,
  flagsForWriting,
  interpretField,
  opensForWriting,
} from "./interpret/index.ts";
export * from "./names/index.ts";
export { actorStart, joinActor, readCall, writeCall } from "./call.ts";
export { AGENT_ACTIONS, type AgentAction } from "./own.ts";
export { READ_FIELDS, type ReadField, readField, readKept, readRecord } from "./reading.ts";
export { decodeSocketAddress } from "./sockaddr.ts";
export {
  type Actor,
  type Call,
  ENRICHED_SEPARATOR,
  lastValueOf,
  messageWords,
  recordOf,
  type RecordWords,
  splitWords,
  valueOf,
} from "./words.ts";
export { quote } from "./text.ts";
export { RECORD, recordTypeName, recordTypeNumber } from "./types.ts";
