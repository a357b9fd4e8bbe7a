/** What became of every event: the counts that must add up. */
export { SerialGaps } from "./gaps.ts";
