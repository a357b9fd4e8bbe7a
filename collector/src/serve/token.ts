/** Page tokens: where an answer ended. Opaque to callers; bound to the request that they continue. */
import { createHash } from "node:crypto";

const VERSION = 1;

/** A token that does not fit. */
export class TokenError extends Error {
  override readonly name = "TokenError";
}

/** What a token is bound to: all that decides which events come, in which order. */
export function requestFingerprint(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, 12);
}

export function encodeToken(fingerprint: string, place: string): string {
  return Buffer.from(JSON.stringify([VERSION, fingerprint, place])).toString("base64url");
}

/** Reads a token of encodeToken; throws a TokenError that says what is wrong. */
export function decodeToken(token: string, fingerprint: string): string {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
  } catch {
    throw new TokenError("page_token is not one that this API gave out");
  }
  if (!Array.isArray(value) || value.length !== 3 || value[0] !== VERSION || typeof value[2] !== "string") {
    throw new TokenError("page_token is not one that this API gave out");
  }
  if (value[1] !== fingerprint) {
    throw new TokenError("page_token belongs to a request with other fields; send the same ones for each page");
  }
  return value[2];
}
