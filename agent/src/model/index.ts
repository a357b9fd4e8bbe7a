/** What the agent's steps share. */
export type { RawRecord, RecordGroup } from "./record.ts";
