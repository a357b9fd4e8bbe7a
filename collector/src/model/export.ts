/** Where an export stands. */

/** What is about to go out: written down before anything of it does, so that whoever goes on after a crash makes the same of it. */
export interface ExportPlan {
  /** The day of the events, or of the alerts' windows. */
  place: string;
  /** When it was made, milliseconds since 1970. */
  timeMs: number;
  /** What is in it, as text. */
  text: string;
}

/** Milliseconds since 1970. */
export interface ExportState {
  /** Since when there is something exported to the target. */
  begunMs: number;
  /** All that was stored then has gone out; 0 while something of before its begin has not. */
  caughtUpMs: number;
}
