/** A filter that cannot be understood, or that can never match. */
export class FilterError extends Error {
  override readonly name = "FilterError";
  /** Where in the filter's text, in UTF-16 units counted from 1. */
  readonly column: number;

  constructor(column: number, detail: string) {
    super(`filter, column ${column}: ${detail}`);
    this.column = column;
  }
}

/** What was found, as errors show it: in quotes, and no longer than a line. */
export function shown(text: string): string {
  const SHOWN_MAX = 80;
  return text.length > SHOWN_MAX ? `"${text.slice(0, SHOWN_MAX)}…"` : `"${text}"`;
}
