/** Text that somebody else chose, as a part of a line of bounded length. */

const LENGTH_MAX = 300;

/** One line, with control characters, and those that turn the direction of text or cannot be seen, made visible. */
export function visible(text: string): string {
  // Halves of surrogate pairs are no text; they could not be sent.
  return text.toWellFormed().replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu, spelled);
}

/** `\x1b` or `\u{202e}`. */
export function spelled(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/** At most so many characters, the last of which says where something was cut. */
export function shorten(text: string, lengthMax: number): string {
  // Texts may be megabytes: what is far beyond the bound is not looked at.
  const characters = Array.from(text.slice(0, lengthMax * 2 + 2));
  if (characters.length <= lengthMax) return characters.join("");
  return `${characters.slice(0, lengthMax - 1).join("")}…`;
}

/** Shortened and visible: one line of at most so many characters, however much each one takes. */
export function line(text: string, lengthMax: number = LENGTH_MAX): string {
  return shorten(visible(text.slice(0, lengthMax * 2 + 2)), lengthMax);
}
