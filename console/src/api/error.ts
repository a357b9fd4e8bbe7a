/** Errors of calls, as values. */

/** Why a call gave no answer. */
export interface CallError {
  /** As gRPC names it, such as "NOT_FOUND"; "UNREACHABLE" where no answer came, "BROKEN" where one broke off, "GONE" where nobody waits any more. */
  code: string;
  /** In words, from the collector. */
  message: string;
  /** ErrorInfo's reason, such as "FILTER_INVALID"; empty for none. */
  reason: string;
  /** ErrorInfo's metadata. */
  metadata: Readonly<Record<string, string>>;
}

export type Answer<Value> = { value: Value; error?: undefined } | { value?: undefined; error: CallError };

export function callError(code: string, message: string): CallError {
  return { code, message, reason: "", metadata: {} };
}

/** What the collector's JSON says of an error; whatever it is, an error comes of it. */
export function readError(json: unknown, status: number): CallError {
  const { code, message, details } = objectOf(json);
  const info = (Array.isArray(details) ? details : [])
    .map(objectOf)
    .find((detail) => typeof detail["@type"] === "string" && detail["@type"].endsWith("google.rpc.ErrorInfo"));
  return {
    code: textOf(code) || codeOf(status),
    message: textOf(message) || `the collector answered with HTTP status ${status}`,
    reason: textOf(info?.["reason"]),
    metadata: Object.fromEntries(
      Object.entries(objectOf(info?.["metadata"])).map(([key, value]) => [key, textOf(value)]),
    ),
  };
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function codeOf(status: number): string {
  switch (status) {
    case 401:
      return "UNAUTHENTICATED";
    case 403:
      return "PERMISSION_DENIED";
    case 404:
      return "NOT_FOUND";
    case 429:
      return "RESOURCE_EXHAUSTED";
    case 503:
      return "UNAVAILABLE";
    default:
      return "UNKNOWN";
  }
}
