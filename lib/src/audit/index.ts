/** Kernel audit records: their names, how the kernel writes them, and how an event gives them back. */
export { condenseRecords, type RecordWords, recordFields, recordText } from "./condense.ts";
export { bytesOfHex, unquote } from "./text.ts";
export { titleOfArguments } from "./typed.ts";
export { RECORD, recordTypeName, recordTypeNumber } from "./types.ts";
