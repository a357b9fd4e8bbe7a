/** Text that somebody else chose, made safe to show: what can steer a terminal, or turn the direction of what stands beside it, is spelled. */
import { spelled } from "./line.ts";

export { line, shorten, visible } from "./line.ts";

/** Control, format (bidi, zero width), line and paragraph separators. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A stretch of a text: as it is, or the spelling of one character that cannot be seen. */
export interface Stretch {
  text: string;
  isSpelled: boolean;
}

/** The text with every character that cannot be seen spelled, as `\x1b` or `\u{202e}`. */
export function printable(text: string): string {
  return text.replaceAll(UNSEEN, spelled);
}

/** The same in stretches, so that what is spelled can be told from a text in which the spelling itself stands. */
export function stretchesOf(text: string): Stretch[] {
  const stretches: Stretch[] = [];
  let from = 0;
  for (const { 0: character, index } of text.matchAll(UNSEEN)) {
    if (index > from) stretches.push({ text: text.slice(from, index), isSpelled: false });
    stretches.push({ text: spelled(character), isSpelled: true });
    from = index + character.length;
  }
  if (from < text.length) stretches.push({ text: text.slice(from), isSpelled: false });
  return stretches;
}
