/** Reasons for which nothing more is signed until an operator has decided. */
export type HaltReason =
  /** The database has an older log than was signed: it was set back, or a part of it is lost. */
  | "database-older"
  /** Another log was signed than the database has. */
  | "database-differs"
  /** What the database has of the log does not fit together. */
  | "log-damaged"
  /** The newest checkpoint in JetStream is not one that this key signed. */
  | "anchor-foreign"
  /** A witness has cosigned more than the database has, or something else. */
  | "witness-ahead"
  | "witness-differs";

/** The log cannot go on without telling two stories. Tried again each time, since an operator may have put things right. */
export class LogHalted extends Error {
  override readonly name = "LogHalted";
  readonly code = "LOG_HALTED";
  readonly reason: HaltReason;

  constructor(reason: HaltReason, detail: string, options?: ErrorOptions) {
    super(`the transparency log is not continued (${reason}): ${detail}`, options);
    this.reason = reason;
  }
}

/** Another process keeps the log: what was begun here is for that one to end. */
export class TermLost extends Error {
  override readonly name = "TermLost";
  readonly code = "TERM_LOST";
}
