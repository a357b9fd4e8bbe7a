/** Words that stand alone in a filter: they are found in names, paths, arguments and what user space wrote. */
import type { Field } from "./field.ts";
import { FIELDS } from "./fields.ts";
import { writtenOf } from "./kept.ts";
import { noEvents } from "./mask.ts";
import { hasPart } from "./question.ts";
import { passingAny, type Test } from "./combine.ts";
import { longestWord } from "./decide.ts";

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
  const question = hasPart(word);
  const test = passingAny(ASKED, question);
  const mayBe = writtenOf(hasPart(longestWord(word)));
  // An address may be written in another form than the one it is compared in.
  if (mayBe === undefined || /^[0-9a-f.:]+$/.test(word)) return test;
  return {
    ...test,
    decide(page, among) {
      const { strings, count } = page.block;
      // Most words stand nowhere in a block: then no column is read.
      if (!strings.hasBytes && !strings.someText((text) => mayBe.test(text))) return noEvents(count);
      return test.decide(page, among);
    },
  };
}
