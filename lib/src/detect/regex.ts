/** Regular expressions of rules: in linear time, as filters have them. */
import { compileRegex, RegexError } from "../predicate/index.ts";
import { SigmaError } from "../sigma/index.ts";

/** Compiles a rule's pattern; throws a SigmaError where it is none, or needs what linear time does not allow. */
export function compileRuleRegex(source: string, flags: string, line: number): (text: string) => boolean {
  try {
    return compileRegex(source, flags);
  } catch (error) {
    if (error instanceof RegexError) throw new SigmaError(line, error.message);
    throw error;
  }
}
