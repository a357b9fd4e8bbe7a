/** Why a target did not take something. */

export class ForwardError extends Error {
  override readonly name = "ForwardError";
  /** True where the target says that it will never take this, as it is: smaller parts of it may be taken. */
  readonly isRefusal: boolean;

  /** `message` has the target's answer, and no secret. */
  constructor(message: string, { isRefusal = false, cause }: { isRefusal?: boolean; cause?: unknown } = {}) {
    super(message, cause === undefined ? {} : { cause });
    this.isRefusal = isRefusal;
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
