/** Words that stand alone in a filter: they are found in names, paths, arguments and what user space wrote. */
import type { Field } from "./field.ts";
import { FIELDS } from "./fields.ts";
import { hasPart } from "./question.ts";
import { passingAny, type Test } from "./combine.ts";

/** Fields whose texts are parts of other ones. */
const CONTAINED: ReadonlySet<string> = new Set(["file.name", "process.args"]);

/** The fields in which a word is looked for: those of which a sieve knows parts. */
export const WORD_FIELDS: readonly string[] = Array.from(FIELDS).flatMap(([name, { group }]) =>
  group === undefined ? [] : [name],
);

const ASKED = WORD_FIELDS.filter((name) => !CONTAINED.has(name)).flatMap((name) => {
  const field = FIELDS.get(name);
  return field === undefined ? [] : [[name, withoutWords(field)] as const];
});

/** A title that is not there is the command line, which is asked by itself. */
function withoutWords(field: Field): Field {
  const { reach } = field;
  if (reach?.strings === undefined || reach.words === undefined) return field;
  return { ...field, reach: { strings: reach.strings } };
}

/** The word stands in a text of the event. */
export function wordTest(word: string): Test {
  return passingAny(ASKED, hasPart(word));
}
