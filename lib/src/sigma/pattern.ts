/** Texts with wildcards: `*` is any text, `?` any one character. */

/** What stands for any text, and for any one character, between a pattern's plain parts. */
export const ANY: unique symbol = Symbol("*");
export const ONE: unique symbol = Symbol("?");

export type PatternPart = string | typeof ANY | typeof ONE;

/** Plain parts and wildcards in their order; no two plain parts and no two `*` follow each other. */
export type Pattern = readonly PatternPart[];

/**
 * Reads a value as Sigma writes it. A backslash takes its meaning from a wildcard or a backslash behind it, and is plain elsewhere: so
 * `\*` is a plain asterisk, `\\*` a backslash and a wildcard, and both `\` and `\\` before anything else one backslash.
 */
export function parsePattern(text: string): Pattern {
  const parts: PatternPart[] = [];
  let plain = "";
  const flush = (): void => {
    if (plain !== "") parts.push(plain);
    plain = "";
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    const next = text[at + 1];
    if (character === "\\" && (next === "*" || next === "?" || next === "\\")) {
      plain += next;
      at++;
    } else if (character === "*" || character === "?") {
      flush();
      if (character === "?") parts.push(ONE);
      else if (parts.at(-1) !== ANY) parts.push(ANY);
    } else plain += character;
  }
  flush();
  return parts;
}

/** The plain text, where a pattern has no wildcard. */
export function plainText(pattern: Pattern): string | undefined {
  if (pattern.length === 0) return "";
  const [only] = pattern;
  return pattern.length === 1 && typeof only === "string" ? only : undefined;
}

/** Patterns one after the other. */
export function joinPatterns(...patterns: readonly Pattern[]): Pattern {
  const joined: PatternPart[] = [];
  for (const part of patterns.flat()) {
    const last = joined.at(-1);
    if (typeof part === "string" && typeof last === "string") joined[joined.length - 1] = last + part;
    else if (part !== ANY || last !== ANY) joined.push(part);
  }
  return joined;
}

const ANYTHING: Pattern = [ANY];

/** The pattern at the beginning, at the end, or anywhere in a text. */
export function startingWith(pattern: Pattern): Pattern {
  return joinPatterns(pattern, ANYTHING);
}

export function endingWith(pattern: Pattern): Pattern {
  return joinPatterns(ANYTHING, pattern);
}

export function containing(pattern: Pattern): Pattern {
  return joinPatterns(ANYTHING, pattern, ANYTHING);
}

/** The pattern as Sigma writes it. */
export function patternText(pattern: Pattern): string {
  return pattern
    .map((part) => (part === ANY ? "*" : part === ONE ? "?" : part.replace(/[*?]|\\(?=[*?\\]|$)/g, "\\$&")))
    .join("");
}

/** The pattern in lower case, to be held against texts in lower case. */
export function lowerCase(pattern: Pattern): Pattern {
  return pattern.map((part) => (typeof part === "string" ? part.toLowerCase() : part));
}

/** The longest plain part, which every text that matches has in it; empty where there is none. */
export function longestPart(pattern: Pattern): string {
  let longest = "";
  for (const part of pattern) if (typeof part === "string" && part.length > longest.length) longest = part;
  return longest;
}

/** Decides on texts. Takes at most the time to hold the pattern against each place of the text; `?` is one UTF-16 unit. */
export function matcherOf(pattern: Pattern): (text: string) => boolean {
  const [first, second, third] = pattern;
  if (pattern.length === 0) return (text) => text === "";
  if (pattern.length === 1 && typeof first === "string") return (text) => text === first;
  if (pattern.length === 1 && first === ANY) return () => true;
  if (pattern.length === 2 && typeof first === "string" && second === ANY) return (text) => text.startsWith(first);
  if (pattern.length === 2 && first === ANY && typeof second === "string") return (text) => text.endsWith(second);
  if (pattern.length === 3 && first === ANY && typeof second === "string" && third === ANY)
    return (text) => text.includes(second);
  return segmentsMatcher(segmentsOf(pattern));
}

/** What stands between two `*`: plain parts and `?`. */
type Segment = readonly Exclude<PatternPart, typeof ANY>[];

function segmentsOf(pattern: Pattern): Segment[] {
  const segments: Exclude<PatternPart, typeof ANY>[][] = [[]];
  for (const part of pattern) {
    if (part === ANY) segments.push([]);
    else segments.at(-1)?.push(part);
  }
  return segments;
}

function segmentsMatcher(segments: readonly Segment[]): (text: string) => boolean {
  const lengths = segments.map(lengthOf);
  const [head = []] = segments;
  const [headLength = 0] = lengths;
  if (segments.length === 1) return (text) => text.length === headLength && standsAt(text, head, 0);
  const tail = segments.at(-1) ?? [];
  const tailLength = lengths.at(-1) ?? 0;
  return (text) => {
    const end = text.length - tailLength;
    if (end < headLength || !standsAt(text, head, 0) || !standsAt(text, tail, end)) return false;
    let from = headLength;
    // The first place is as good as any: what follows has the most room then.
    for (let at = 1; at < segments.length - 1; at++) {
      const found = findSegment(text, segments[at] as Segment, from, end - (lengths[at] ?? 0));
      if (found < 0) return false;
      from = found + (lengths[at] ?? 0);
    }
    return true;
  };
}

function lengthOf(segment: Segment): number {
  return segment.reduce((sum, part) => sum + (part === ONE ? 1 : part.length), 0);
}

function standsAt(text: string, segment: Segment, start: number): boolean {
  let at = start;
  for (const part of segment) {
    if (part === ONE) at++;
    else if (!text.startsWith(part, at)) return false;
    else at += part.length;
  }
  return true;
}

function findSegment(text: string, segment: Segment, from: number, last: number): number {
  const [first] = segment;
  if (first === undefined) return from <= last ? from : -1;
  for (let at = from; at <= last; at++) {
    if (typeof first === "string") {
      at = text.indexOf(first, at);
      if (at < 0 || at > last) return -1;
    }
    if (standsAt(text, segment, at)) return at;
  }
  return -1;
}
