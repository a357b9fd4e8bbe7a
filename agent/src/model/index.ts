/** What the agent's steps share. */
export { lengthOf, type RawRecord, type RecordGroup, textOf } from "./record.ts";
export type { Made, Memory, Repetition, Shape, Validity } from "./shape.ts";
export type { Stamp } from "./stamp.ts";
