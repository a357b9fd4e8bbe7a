/**
 * Writes the fields of filters as the console completes them: `node tools/console/fields.ts >console/src/filter/fields.ts`, which `./dev
 * generate` does. A browser needs their names and words, and none of what compiles filters.
 */
import { FIELDS, FUNCTION_NAMES } from "@hosttrail/lib/predicate";

/** More of allowed words are no list, but a sentence. */
const WORDS = /^[a-z_-]+(?:, [a-z_-]+)+$/;

const rows = [...FIELDS].map(([name, { type, list }]) => {
  const words = WORDS.test(type.allowed) ? type.allowed.split(", ") : [];
  return `  { name: ${JSON.stringify(name)}, isText: ${type.isText}, isList: ${list}, allowed: ${JSON.stringify(type.allowed)}, words: ${JSON.stringify(words)} },`;
});

process.stdout.write(`/** Fields and functions of filters. Made by tools/console/fields.ts; run ./dev generate. */
export interface FilterField {
  name: string;
  /** Its values are texts: parts of them can be asked for. */
  isText: boolean;
  isList: boolean;
  /** What a filter may ask for, in words. */
  allowed: string;
  /** All values that there can be; none where they are not so few. */
  words: readonly string[];
}

export const FILTER_FIELDS: readonly FilterField[] = [
${rows.join("\n")}
];

export const FILTER_FUNCTIONS: readonly string[] = ${JSON.stringify(FUNCTION_NAMES)};
`);
