/** Why a target did not take a notification. */

export class DeliveryError extends Error {
  override readonly name = "DeliveryError";
  /** The target will never take this one. */
  readonly isPermanent: boolean;
  /** What the target asks to wait for; 0 where it does not say. */
  readonly retryAfterMs: number;

  /** The text is shown to operators: it must have no secret in it, and nothing that the target chose but bounded, visible words. */
  constructor(text: string, options: ErrorOptions & { isPermanent?: boolean; retryAfterMs?: number } = {}) {
    super(text, options);
    this.isPermanent = options.isPermanent ?? false;
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

/** An error of a socket or of TLS, by what is known of it. */
export function connectionError(error: unknown, timeoutMs: number): DeliveryError {
  if (error instanceof DeliveryError) return error;
  if (!(error instanceof Error)) return new DeliveryError("the connection failed", { cause: error });
  if (error.cause instanceof DeliveryError) return error.cause;
  if (error.name === "AbortError" || error.name === "TimeoutError")
    return new DeliveryError(`no answer within ${timeoutMs} ms`, { cause: error });
  // Of several addresses that were tried, the first reason.
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code = inner instanceof Error && "code" in inner ? String(inner.code) : "";
  const text = inner instanceof Error ? inner.message : String(inner);
  return new DeliveryError(`the connection failed: ${text}${code === "" || text.includes(code) ? "" : ` (${code})`}`, {
    cause: error,
  });
}
