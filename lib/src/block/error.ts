/** What can be wrong with a block. */
export type BlockErrorCode =
  | "BLOCK_TOO_LARGE"
  | "BLOCK_MALFORMED"
  | "HEADER_INVALID"
  | "SIGNATURE_INVALID"
  | "COLUMNS_HASH_MISMATCH"
  | "PAYLOAD_MALFORMED"
  | "SEGMENT_MALFORMED"
  | "HOST_MISMATCH"
  | "TIME_MISMATCH";

/** A block that is not what it should be. Always permanent: the same bytes fail again. */
export class BlockError extends Error {
  override readonly name = "BlockError";
  readonly code: BlockErrorCode;
  /** Where in the block, e.g. `processes.executable[12]`. */
  readonly place: string;
  /** What is wrong there. */
  readonly detail: string;

  constructor(code: BlockErrorCode, place: string, detail: string, options?: ErrorOptions) {
    super(`${code} at ${place}: ${detail}`, options);
    this.code = code;
    this.place = place;
    this.detail = detail;
  }
}
