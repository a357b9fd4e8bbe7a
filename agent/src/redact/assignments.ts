/** `NAME=value` in a text: each `=` is looked at, so that a secret is found in the value of a harmless name, too. */
import { secretName, secretStart } from "./names.ts";
import type { Span } from "./spans.ts";

/**
 * What a text is. `word`: one argument as a program got it, whose value may have blanks and any sign in it; `words`: several, divided by
 * blanks; `line`: a command line, whose words are looked at by themselves.
 */
export type Extent = "word" | "words" | "line";

const NAME_LENGTH_MAX = 128;
/** Options of mount that have no value. */
const MOUNT_OPTION = /^(?:r[ow]|no\w{2,12}|_netdev|soft|hard|seal|guest|sync|async|defaults|user|auto)(?:,|$)/;
const NAMED = /^[\s,;&]*(?:-{0,2}[A-Za-z_][\w.:-]{0,127}=|$)/;

function isNameCode(code: number): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 95 ||
    code === 46 ||
    code === 45
  );
}

/** Adds where the secrets of assignments stand. */
export function assignments(text: string, extent: Extent, spans: Span[]): void {
  if (extent === "line") return;
  for (let equals = text.indexOf("="); equals >= 0; equals = text.indexOf("=", equals + 1)) {
    const name = nameBefore(text, equals);
    if (name === undefined) continue;
    const sureness = secretName(name.text);
    if (sureness === "none") continue;
    const { start, end } = valueAfter(text, equals, name, extent);
    const value = text.slice(start, end);
    const secret = secretStart(name.text, sureness, value);
    if (secret === undefined) continue;
    spans.push({ start: start + secret, end });
    // What stands inside of a secret needs no look of its own.
    equals = Math.max(equals, end - 1);
  }
}

interface Name {
  text: string;
  start: number;
  /** Between name and sign are blanks, a quote or a bracket, as in `env['TOKEN'] = '…'`. */
  apart: boolean;
}

function nameBefore(text: string, equals: number): Name | undefined {
  let end = equals;
  while (end > 0 && equals - end < 4 && " '\"]:".includes(text[end - 1] ?? "")) end--;
  let start = end;
  while (start > 0 && end - start < NAME_LENGTH_MAX && isNameCode(text.charCodeAt(start - 1))) start--;
  // A test of a variable's value, or a comparison.
  const before = text[start - 1];
  if (start === end || before === "$" || (before === "{" && text[start - 2] === "$")) return undefined;
  if (text[equals - 1] === "!") return undefined;
  while (start < end && text[start] === "-") start++;
  return start === end ? undefined : { text: text.slice(start, end), start, apart: end < equals };
}

function valueAfter(text: string, equals: number, name: Name, extent: Extent): Span {
  let start = equals + 1;
  if (text[start] === "=" || text[start] === ">") start++;
  if (name.apart) while (start < text.length && start - equals < 8 && text[start] === " ") start++;
  const quote = text[start];
  if (quote === '"' || quote === "'") {
    const close = text.indexOf(quote, start + 1);
    if (close > 0) return { start: start + 1, end: close };
  }
  return { start, end: valueEnd(text, start, name, extent) };
}

const CLOSERS: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };

function valueEnd(text: string, start: number, name: Name, extent: Extent): number {
  const before = text.slice(0, name.start);
  const whole = extent === "word" && /^-{0,2}$/.test(before);
  const parameters = before.includes("?");
  const replacement = /^s\/.*\/$/.test(before);
  // A list has commas before, or its next part has a name.
  const list = before.includes(",");
  for (let at = start; at < text.length; at++) {
    const sign = text[at] ?? "";
    if (isBlank(sign)) {
      if (!whole || /^\s+-|^\s*$/.test(text.slice(at, at + 64)) || NAMED.test(text.slice(at, at + 160))) return at;
    } else if (sign === "," || sign === ";" || sign === "&") {
      if (sign === "&" && parameters) return at;
      if (sign === "," && list) return at;
      const rest = text.slice(at + 1, at + 160);
      if (NAMED.test(rest) || (sign === "," && MOUNT_OPTION.test(rest))) return at;
      if (!whole && isBlank(rest[0] ?? " ")) return at;
    } else if (whole) continue;
    else if (sign === "'" || sign === '"') return at;
    else if (sign === "#" && parameters) return at;
    else if (sign === "/" && replacement) return at;
    else if (
      CLOSERS[sign] !== undefined &&
      before.includes(CLOSERS[sign]) &&
      !text.slice(start, at).includes(CLOSERS[sign])
    ) {
      return at;
    }
  }
  return text.length;
}

function isBlank(sign: string): boolean {
  return sign === " " || sign === "\t" || sign === "\n" || sign === "\r";
}
