/** Texts in whatever case, asked of a sieve: that knows texts as they are, so each trigram is asked for in all of its cases. */
import type { SieveAnswers } from "./answers.ts";

const GRAM_UNITS = 3;

/**
 * False where no text of the group has `lower` in its lower case. Trigrams outside ASCII are not asked for: what they may have been is a
 * long story.
 */
export function mayHaveLower(sieve: SieveAnswers, group: number | undefined, lower: string): boolean {
  if (group === undefined) return true;
  for (let at = 0; at + GRAM_UNITS <= lower.length; at++) {
    const gram = lower.slice(at, at + GRAM_UNITS);
    if (isAscii(gram) && !casesOf(gram).some((form) => sieve.mayHavePart(group, form))) return false;
  }
  return true;
}

function isAscii(gram: string): boolean {
  for (let at = 0; at < gram.length; at++) if (gram.charCodeAt(at) > 0x7f) return false;
  return true;
}

/** Rules ask for the same trigrams again and again; there are 2 million of ASCII, and rules have some thousands. */
const CASES_MAX = 65_536;
const knownCases = new Map<string, readonly string[]>();

/** All trigrams whose lower case this is. */
function casesOf(gram: string): readonly string[] {
  const known = knownCases.get(gram);
  if (known !== undefined) return known;
  let forms = [""];
  for (let at = 0; at < GRAM_UNITS; at++)
    forms = forms.flatMap((form) => originsOf(gram.charAt(at), at === GRAM_UNITS - 1).map((origin) => form + origin));
  if (knownCases.size >= CASES_MAX) knownCases.clear();
  knownCases.set(gram, forms);
  return forms;
}

/**
 * The units whose lower case begins with this one. Beside the letters of ASCII that is the sign of Kelvin for "k", and for "i" the dotted
 * capital, whose lower case has a combining dot after it: so it can only be the last one of a trigram of ASCII.
 * Source: SpecialCasing.txt and UnicodeData.txt of Unicode
 */
function originsOf(unit: string, isLast: boolean): string[] {
  const upper = unit >= "a" && unit <= "z" ? [unit.toUpperCase()] : [];
  if (unit === "k") return [unit, ...upper, "\u212a"];
  return unit === "i" && isLast ? [unit, ...upper, "\u0130"] : [unit, ...upper];
}
