/** Pieces of the JSON Schemas of our config files. */

type Schema = Record<string, unknown>;

/** A map with just these keys. One without required keys may be left out whole: then its defaults hold. */
export function mapOf(properties: Schema, required: readonly string[] = []): Schema {
  return {
    type: "object",
    additionalProperties: false,
    properties,
    required,
    ...(required.length === 0 ? { default: {} } : {}),
  };
}

/** A whole number within bounds. */
export function integer(minimum: number, maximum: number, fallback: number): Schema {
  return { type: "integer", minimum, maximum, default: fallback };
}

/** One of some words. */
export function choice(values: readonly string[], fallback: string): Schema {
  return { type: "string", enum: values, default: fallback };
}

/** An absolute path. */
export const absolutePath: Schema = { type: "string", pattern: "^/" };

/** A path, or empty for none. */
export const optionalPath: Schema = { type: "string", pattern: "^(?:/.*)?$", default: "" };

/** 1 to 65535. */
const PORT = "(?:[1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d{2}|655[0-2]\\d|6553[0-5])";

/**
 * `host:port`. Nothing of a URL: a scheme or a path would be taken for a part of the name, which nobody would find, and what stands
 * before an @ is a secret, which must not go where the file goes.
 */
export const address: Schema = {
  type: "string",
  pattern: `^(?:\\[[0-9A-Fa-f:.]+(?:%[\\w.-]+)?\\]|[^\\s/:@?#\\[\\]]+):${PORT}$`,
  $comment: "host:port without scheme, user, password and path, as collector.example.org:7443 or [2001:db8::1]:7443",
};

export const logLevel: Schema = choice(["trace", "debug", "info", "warn", "error"], "info");

/** Bytes in a mebibyte. */
export const MIB: number = 1024 * 1024;
