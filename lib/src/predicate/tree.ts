/** What a filter says, as its parts. */

/** `=` and its kin compare; `:` has: an item of a list, a part of a text, or, with `*`, any value at all. */
export const COMPARATORS = ["<=", "<", ">=", ">", "!=", "=", ":"] as const;
export type Comparator = (typeof COMPARATORS)[number];

/** A value as it was asked for. */
export interface Literal {
  /** The text between its stars: one where there is none, two empty ones for `*` alone. A star behind a backslash is text. */
  parts: readonly string[];
  /** The text with its stars and the backslashes before them: what a regular expression is. */
  raw: string;
  /** How it was written. */
  isQuoted: boolean;
  /** Where it begins, counted from 1. */
  column: number;
}

/** `field = value`. */
export interface Restriction {
  kind: "restriction";
  /** The field's name, at its dots; what stood in quotes is one part, whatever is in it. */
  path: readonly string[];
  comparator: Comparator;
  value: Literal;
  column: number;
}

/** A value alone, which any text may have in it. */
export interface Word {
  kind: "word";
  value: Literal;
  column: number;
}

/** `name(field, value)`. */
export interface Call {
  kind: "call";
  name: string;
  path: readonly string[];
  value: Literal;
  column: number;
  /** Where the field begins. */
  pathColumn: number;
}

export type Tree =
  | Restriction
  | Word
  | Call
  | { kind: "and" | "or"; parts: readonly Tree[] }
  | { kind: "not"; part: Tree };

/** The value where its stars are nothing but stars. */
export function textOf({ parts }: Literal): string {
  return parts.join("*");
}

/** True for `*`, which is any value there is. */
export function isAnything({ parts }: Literal): boolean {
  return parts.length > 1 && parts.every((part) => part === "");
}

/** A field's name as it is written, but for quotes. */
export function nameOf(path: readonly string[]): string {
  return path.join(".");
}
