/** Regular expressions in linear time, and what must stand in every text that one finds. */
import { RE2JS } from "re2js";
import { SigmaError } from "../sigma/index.ts";

const LENGTH_MAX = 4096;
/** Instructions that a pattern may become: `(.{1000}){1000}` is short, and would need a million. */
const PROGRAM_MAX = 20_000;

/** Compiles a pattern; throws a SigmaError where it is none, or needs what linear time does not allow. */
export function compileRegex(source: string, flags: string, line: number): (text: string) => boolean {
  if (source.length > LENGTH_MAX)
    throw new SigmaError(
      line,
      `a regular expression of ${source.length} characters; at most ${LENGTH_MAX} are allowed`,
    );
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source, flagBits(flags));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SigmaError(
      line,
      `the regular expression ${JSON.stringify(source.slice(0, 200))} is not understood: ${reason}${hintOf(source)}`,
    );
  }
  const size = compiled.programSize();
  if (size > PROGRAM_MAX)
    throw new SigmaError(line, `a regular expression that becomes ${size} steps; at most ${PROGRAM_MAX} are allowed`);
  return (text) => compiled.test(text);
}

function hintOf(source: string): string {
  if (/\(\?<?[=!]/.test(source)) return "; Sigma's regular expressions have no look-ahead and no look-behind";
  return /\\[1-9]/.test(source) ? "; Sigma's regular expressions have no back-references" : "";
}

function flagBits(flags: string): number {
  let bits = 0;
  if (flags.includes("i")) bits |= RE2JS.CASE_INSENSITIVE;
  if (flags.includes("m")) bits |= RE2JS.MULTILINE;
  if (flags.includes("s")) bits |= RE2JS.DOTALL;
  return bits;
}

/** Characters that mean themselves behind a backslash. */
const PLAIN_ESCAPE = /[^\p{L}\p{N}]/u;

/**
 * The longest text, in lower case, that stands in every text which the pattern finds; empty where there is none that is easily seen. Of
 * groups, classes and alternatives nothing is taken.
 */
export function requiredPart(source: string): string {
  let longest = "";
  let run = "";
  const end = (): void => {
    if (run.length > longest.length) longest = run;
    run = "";
  };
  for (let at = 0; at < source.length; at++) {
    const character = source[at] as string;
    if (character === "|") return "";
    if (character === "(") {
      end();
      at = groupEnd(source, at);
      if (at < 0) return "";
    } else if (character === "[") {
      end();
      at = classEnd(source, at);
      if (at < 0) return "";
    } else if (character === "\\") {
      const next = source[at + 1] ?? "";
      // What follows \Q is plain up to \E.
      if (next === "Q") return "";
      at++;
      if (PLAIN_ESCAPE.test(next)) run += next;
      else {
        end();
        // \x41 and \pL have more behind them.
        if (next === "x" || next === "p" || next === "P" || /\d/.test(next)) return "";
      }
    } else if (character === "*" || character === "?" || character === "{") {
      run = run.slice(0, -1);
      end();
      if (character === "{") {
        const close = source.indexOf("}", at);
        if (close < 0) return "";
        at = close;
      }
    } else if (character === "+" || character === "." || character === "^" || character === "$") end();
    else run += character;
  }
  end();
  return longest.toLowerCase();
}

function groupEnd(source: string, start: number): number {
  let depth = 0;
  for (let at = start; at < source.length; at++) {
    const character = source[at];
    if (character === "\\") at++;
    else if (character === "[") {
      at = classEnd(source, at);
      if (at < 0) return -1;
    } else if (character === "(") depth++;
    else if (character === ")" && --depth === 0) return at;
  }
  return -1;
}

function classEnd(source: string, start: number): number {
  let at = start + 1;
  if (source[at] === "^") at++;
  // A bracket that comes first is one of the class.
  if (source[at] === "]") at++;
  for (; at < source.length; at++) {
    if (source[at] === "\\") at++;
    else if (source[at] === "[" && source[at + 1] === ":") {
      const close = source.indexOf(":]", at);
      if (close < 0) return -1;
      at = close + 1;
    } else if (source[at] === "]") return at;
  }
  return -1;
}
