/** What is wrong with a rule file, and where. */

/** A problem with a rule, as `file:line: message` tells it. */
export interface Problem {
  file: string;
  /** Counted from 1. */
  line: number;
  /** What is wrong, and what is allowed. */
  message: string;
}

/** A rule that cannot be used. Whatever a rule file may hold, reading it throws nothing else. */
export class SigmaError extends Error {
  override readonly name = "SigmaError";
  /** Line of the file, counted from 1. */
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}
