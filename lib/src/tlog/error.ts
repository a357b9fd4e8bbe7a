/** What can be wrong with what a log, a witness or a file says. */
export type TlogErrorCode =
  | "NOTE_MALFORMED"
  | "KEY_MALFORMED"
  | "SIGNATURE_INVALID"
  | "SIGNATURE_MISSING"
  | "CHECKPOINT_MALFORMED"
  | "ORIGIN_MISMATCH"
  | "TILE_MALFORMED"
  | "TREE_INVALID"
  | "PROOF_MALFORMED"
  | "PROOF_INVALID"
  | "POLICY_MALFORMED"
  | "QUORUM_MISSING"
  | "REQUEST_MALFORMED";

/** Always permanent: the same bytes fail again. */
export class TlogError extends Error {
  override readonly name = "TlogError";
  readonly code: TlogErrorCode;
  /** Where, e.g. `policy line 3`. */
  readonly place: string;
  /** What is wrong there, and what is allowed. */
  readonly detail: string;

  constructor(code: TlogErrorCode, place: string, detail: string, options?: ErrorOptions) {
    super(`${code} at ${place}: ${detail}`, options);
    this.code = code;
    this.place = place;
    this.detail = detail;
  }
}
