/** Why a target did not take something. */

export interface FailureDetails {
  isRefusal?: boolean;
  retryAfterMs?: number;
  cause?: unknown;
}

export class ForwardError extends Error {
  override readonly name = "ForwardError";
  /** True where the target says that it will never take this, as it is: smaller parts of it may be taken. */
  readonly isRefusal: boolean;
  /** The target wants to be left alone for so long; 0 where it says nothing. */
  readonly retryAfterMs: number;

  /** `message` has the target's answer, and no secret. */
  constructor(message: string, { isRefusal = false, retryAfterMs = 0, cause }: FailureDetails = {}) {
    super(message, cause === undefined ? {} : { cause });
    this.isRefusal = isRefusal;
    this.retryAfterMs = retryAfterMs;
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
