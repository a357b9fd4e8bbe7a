/** Errors of AWS, as everybody else sees them. */

/** A question that AWS did not answer, after all tries. */
export class CloudError extends Error {
  override readonly name = "CloudError";
  /** As "DescribeInstances". */
  readonly operation: string;
  /** As AWS says it, as "UnauthorizedOperation". */
  readonly code: string;

  constructor(operation: string, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.operation = operation;
    this.code = code;
  }
}

const CODE_LENGTH_MAX = 128;
const MESSAGE_LENGTH_MAX = 512;

export function toCloudError(operation: string, error: unknown): CloudError {
  if (error instanceof CloudError) return error;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return new CloudError(operation, name.slice(0, CODE_LENGTH_MAX), message.slice(0, MESSAGE_LENGTH_MAX), {
    cause: error,
  });
}

/** True where AWS refused since there were too many questions. */
export function isThrottle(error: unknown): boolean {
  const code = error instanceof Error ? error.name : "";
  return /Throttl|LimitExceeded|TooManyRequests|SlowDown/.test(code);
}
