/** Filters put together: AIP-160, as docs/filter.md has it. */

/** A value in quotes, or bare where it needs none. */
export function quoted(value: string): string {
  // Words of the language itself, and what has any of its signs, cannot stand bare.
  if (/^[A-Za-z0-9_./@+-]+$/.test(value) && !/^(?:AND|OR|NOT)$/.test(value) && !value.startsWith("-")) return value;
  return `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/** `field = value`, with a star in the value as itself. */
export function equals(field: string, value: string): string {
  // A star stands for anything; escaped it is a star.
  return `${field} = ${quoted(value).replaceAll("*", String.raw`\*`)}`;
}

/** The filter and one more condition. */
export function narrowed(filter: string, condition: string): string {
  const trimmed = filter.trim();
  if (trimmed === "") return condition;
  // OR binds closer than AND, so only what is not one of them needs parentheses.
  return `${trimmed} AND ${condition}`;
}
