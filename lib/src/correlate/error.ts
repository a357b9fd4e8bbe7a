/** What can be wrong with what the engine is given back. */
export type CorrelateErrorCode =
  /** The bytes are no snapshot, are damaged, or contradict themselves. */
  | "SNAPSHOT_MALFORMED"
  /** A snapshot of another version of the engine. */
  | "SNAPSHOT_VERSION"
  /** A request for history of a rule that this engine does not have. */
  | "RULE_UNKNOWN";

/** Always permanent: the same input fails again. */
export class CorrelateError extends Error {
  override readonly name = "CorrelateError";
  readonly code: CorrelateErrorCode;

  constructor(code: CorrelateErrorCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.code = code;
  }
}
