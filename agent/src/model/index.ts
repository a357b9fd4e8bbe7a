/** What the agent's steps share. */
export { lengthOf, type RawRecord, type RecordGroup, textOf } from "./record.ts";
