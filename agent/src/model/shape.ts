/** Events that come again: the same but for when they happened and for the numbers of their call. */
import type { Call } from "@hosttrail/lib/audit";
import type { Event } from "@hosttrail/proto/event";
import type { Stamp } from "./stamp.ts";

/** What such events have in common: their records' texts, which call it is, and by which process. */
export interface Shape {
  /** Records of an event, without its EOE. */
  readonly count: number;
  /** What was made of one of them; undefined where nothing was, or where it is not right for others. */
  memory: Memory | undefined;
}

export interface Memory {
  made: Made;
  validity: Validity;
}

/** An event that is ready for its block. */
export interface Made {
  event: Event;
  /** Length of its records' texts. */
  recordBytes: number;
  /** How important the keys of its rules make it. */
  priority: "low" | "normal" | "high";
}

/** How long what was found out about an event is right for another one like it. */
export interface Validity {
  /** Monotonic milliseconds. */
  untilMs: number;
  /** How often names of users and groups had become others. */
  nameChanges: number;
}

/** An event whose shape came before, all of its records at once. */
export interface Repetition extends Stamp {
  shape: Shape;
  /** The same object as that of the event of this shape before, where its numbers are the same. */
  call: Call;
  /** Where its first record begins in its source. */
  position: number;
}
