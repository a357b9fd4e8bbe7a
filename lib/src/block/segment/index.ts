/** The segment: many small blocks as one, from which each of them can be made again. */
export { SEGMENT_EVENTS_MAX } from "./fields.ts";
export { type Merged, mergeBlocks, type MergePart } from "./merge.ts";
export { type RebuiltBlock, type SegmentBlock, SegmentReader } from "./read.ts";
export { type SegmentPart, SegmentWriter } from "./write.ts";
