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

/** `host:port`. Nothing of a URL: what stands before an @ there is a secret, which must not go where the file goes. */
export const address: Schema = {
  type: "string",
  pattern: "^[^\\s@/?#]+:\\d{1,5}$",
  $comment: "host:port, without scheme, user and password",
};

export const logLevel: Schema = choice(["trace", "debug", "info", "warn", "error"], "info");

/** Bytes in a mebibyte. */
export const MIB: number = 1024 * 1024;
