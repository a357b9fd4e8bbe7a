/** Texts of events for people. What events hold was chosen by who acted. */

const TEXT_LENGTH_MAX = 512;

/** Makes control characters, and those that turn the direction of text, visible, and cuts what is too long. */
export function shownText(text: string, lengthMax: number = TEXT_LENGTH_MAX): string {
  const cut = text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text;
  return cut.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}
