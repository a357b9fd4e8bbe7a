/** Words that stand alone in a filter: they are found in names, paths, arguments and what user space wrote. */
import { FIELDS } from "./fields.ts";
import { hasPart } from "./question.ts";
import { passingAny, type Test } from "./combine.ts";

/** Fields whose texts are parts of other ones. */
const CONTAINED: ReadonlySet<string> = new Set(["file.name", "process.args", "process.title"]);

/** The fields in which a word is looked for: those of which a sieve knows parts. */
export const WORD_FIELDS: readonly string[] = Array.from(FIELDS).flatMap(([name, { group }]) =>
  group === undefined ? [] : [name],
);

const ASKED = WORD_FIELDS.filter((name) => !CONTAINED.has(name)).flatMap((name) => {
  const field = FIELDS.get(name);
  return field === undefined ? [] : [[name, field] as const];
});

/** The word stands in a text of the event. */
export function wordTest(word: string): Test {
  return passingAny(ASKED, hasPart(word));
}
