/**
 * Trigrams: three UTF-16 code units that follow each other. `:` in a filter compares by `String.includes`, which goes by code units
 * and case, so a text that includes a part has all of the part's trigrams, whatever the two consist of.
 */

/** Units of a trigram. A part of fewer has none and cannot be asked for. */
const GRAM_UNITS = 3;

/**
 * True where `test` is true of each trigram, and so also where there is none; ends at the first that fails. Gives a trigram's first unit, and the
 * other two in one number of 32 bits; what comes again in the text is given again.
 */
export function everyGram(text: string, test: (first: number, rest: number) => boolean): boolean {
  if (text.length < GRAM_UNITS) return true;
  let first = text.charCodeAt(0);
  let second = text.charCodeAt(1);
  for (let at = 2; at < text.length; at++) {
    const third = text.charCodeAt(at);
    if (!test(first, ((second << 16) | third) >>> 0)) return false;
    first = second;
    second = third;
  }
  return true;
}

/** The distinct trigrams of a text, each as a number of 48 bits. */
export function gramsOf(text: string): Set<number> {
  const grams = new Set<number>();
  everyGram(text, (first, rest) => {
    grams.add(first * 0x1_0000_0000 + rest);
    return true;
  });
  return grams;
}

/** The trigrams that each text has that includes `part`; none where the part is too short to have one, and says nothing. */
export function gramsAsked(part: string): Set<number> {
  return gramsOf(part);
}
