/** How wide text is on a terminal. */
import stringWidth from "string-width";

// Printable ASCII is as wide as it is long, and nearly all that is printed.
const PLAIN = /^[\x20-\x7e]*$/;

/** Columns of a terminal that a text takes: wide characters take two, combining ones none, colours none. */
export function columnsOf(text: string): number {
  return PLAIN.test(text) ? text.length : stringWidth(text);
}

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The text, cut to so many columns where it has more; then it ends with an ellipsis. Has no escape sequences. */
export function cutTo(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  if (columns < 1) return "";
  let left = columns - 1;
  let kept = "";
  for (const { segment } of segmenter.segment(text)) {
    left -= columnsOf(segment);
    if (left < 0) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** The text with blanks behind it, so many columns in all. */
export function padTo(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - columnsOf(text)));
}
