/**
 * Makes groups, counts and metrics of some events of one unit, wherever that is opened: so that a question about everything sends the answer
 * of each unit from thread to thread, and not its events.
 */
export type { Reduce } from "./question.ts";
export type { Reduced } from "./reduced.ts";
