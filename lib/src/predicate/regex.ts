/** Regular expressions in linear time. */
import { RE2JS } from "re2js";

const LENGTH_MAX = 4096;
/** Instructions that a pattern may become: `(.{1000}){1000}` is short, and would need a million. */
const PROGRAM_MAX = 20_000;

/** A pattern that is no regular expression, or needs what linear time does not allow. */
export class RegexError extends Error {
  override readonly name = "RegexError";
}

/**
 * Compiles a pattern, which is found anywhere in a text. `flags` are of `i`, `m` and `s`. Throws a RegexError where it is none, or needs what
 * linear time does not allow.
 */
export function compileRegex(source: string, flags: string): (text: string) => boolean {
  if (source.length > LENGTH_MAX)
    throw new RegexError(`a regular expression of ${source.length} characters; at most ${LENGTH_MAX} are allowed`);
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source, flagBits(flags));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RegexError(
      `the regular expression ${JSON.stringify(source.slice(0, 200))} is not understood: ${reason}${hintOf(source)}`,
    );
  }
  const size = compiled.programSize();
  if (size > PROGRAM_MAX)
    throw new RegexError(`a regular expression that becomes ${size} steps; at most ${PROGRAM_MAX} are allowed`);
  return (text) => compiled.test(text);
}

function hintOf(source: string): string {
  if (/\(\?<?[=!]/.test(source))
    return "; there is no look-ahead and no look-behind, which would take more than linear time";
  return /\\[1-9]/.test(source) ? "; there are no back-references, which would take more than linear time" : "";
}

function flagBits(flags: string): number {
  let bits = 0;
  if (flags.includes("i")) bits |= RE2JS.CASE_INSENSITIVE;
  if (flags.includes("m")) bits |= RE2JS.MULTILINE;
  if (flags.includes("s")) bits |= RE2JS.DOTALL;
  return bits;
}
